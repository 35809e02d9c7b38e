"""Which of the pinned wheels are absent, of another version or damaged. Standard library only; used by launch/setup.

    wheels.py missing SITE_PACKAGES FILE...   prints "name==version reason" for every pin that is not installed whole
    wheels.py pin NAME FILE...                prints the requirement with its hashes, for `pip install -r`
    wheels.py forget NAME SITE_PACKAGES       removes the wheel's .dist-info, so that pip installs over what is there

Whole means: every file in the wheel's own RECORD is there and has its size. Contents are checked by pip at installation.
"""

import csv
import os
import re
import shutil
import sys


def applies(marker):
    """Only `python_version <op> "X.Y"` is used in the requirement files."""
    match = re.fullmatch(r'\s*python_version\s*(<|>=)\s*"(\d+)\.(\d+)"\s*', marker)
    if not match:
        raise SystemExit(f"wheels.py: marker not understood: {marker!r}")
    wanted = (int(match[2]), int(match[3]))
    return (sys.version_info[:2] < wanted) == (match[1] == "<")


def read_pins(paths):
    """name -> (version, the requirement's text), in the order of the files; follows `-r`."""
    pins = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("\\\n", " ")
        for line in text.splitlines():
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("-r "):
                pins.update(read_pins([os.path.join(os.path.dirname(path), line[3:].strip())]))
                continue
            requirement, _, hashes = line.partition(" --hash=")
            name_version, _, marker = requirement.partition(";")
            if marker and not applies(marker):
                continue
            name, _, version = name_version.strip().partition("==")
            pins[name] = (version, f"{name}=={version} --hash={hashes}")
    return pins


def normal(name):
    return re.sub(r"[-_.]+", "_", name).lower()


def dist_infos(site_packages, name):
    """The .dist-info folders of one distribution: (folder, version)."""
    found = []
    for entry in sorted(os.listdir(site_packages)):
        stem, ending = os.path.splitext(entry)
        if ending == ".dist-info":
            its_name, _, version = stem.partition("-")
            if normal(its_name) == normal(name):
                found.append((os.path.join(site_packages, entry), version))
    return found


def fault(site_packages, name, version):
    """Why the wheel has to be installed (again), or None."""
    infos = dist_infos(site_packages, name)
    if not infos:
        return "absent"
    if [its_version for _, its_version in infos] != [version]:
        return "another version: " + ", ".join(its_version for _, its_version in infos)
    record = os.path.join(infos[0][0], "RECORD")
    if not os.path.exists(record):
        return "installation was interrupted"
    with open(record, newline="", encoding="utf-8") as file:
        for path, _, size in csv.reader(file):
            if not size or path.endswith(".pyc"):
                continue
            try:
                if os.stat(os.path.join(site_packages, path)).st_size != int(size):
                    return f"size differs: {path}"
            except OSError:
                return f"missing: {path}"
    return None


def main(arguments):
    command, rest = arguments[0], arguments[1:]
    if command == "missing":
        for name, (version, _) in read_pins(rest[1:]).items():
            reason = fault(rest[0], name, version)
            if reason:
                print(f"{name}=={version} {reason}")
    elif command == "pin":
        print(read_pins(rest[1:])[rest[0]][1])
    elif command == "forget":
        for folder, _ in dist_infos(rest[1], rest[0]):
            shutil.rmtree(folder)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
