"""Writes digits.bin: scikit-learn's 1,797 handwritten digits, shuffled, and the accuracy on the last third of a logistic regression
on the others.

Run with scikit-learn. A line `samples features training-samples accuracy`, then a row of bytes a sample: features from 0 to 16 and
the label.
"""

import pathlib

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

TRAIN = 1197


def main():
    digits = load_digits()
    order = np.random.RandomState(0).permutation(len(digits.target))
    features, labels = digits.data[order].astype(np.uint8), digits.target[order].astype(np.uint8)
    x, (train, test) = features / 16, (slice(None, TRAIN), slice(TRAIN, None))
    accuracies = {}
    for strength in 0.1, 1.0, 10.0, 100.0:
        model = LogisticRegression(C=strength, max_iter=10_000).fit(x[train], labels[train])
        accuracies[strength] = model.score(x[test], labels[test])
    print(accuracies)
    rows = np.concatenate([features, labels[:, None]], 1)
    head = f"{features.shape[0]} {features.shape[1]} {TRAIN} {accuracies[1.0]!r}\n"
    (pathlib.Path(__file__).parent / "digits.bin").write_bytes(head.encode() + rows.tobytes())


if __name__ == "__main__":
    main()
