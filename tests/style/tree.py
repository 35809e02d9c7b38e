"""The files that rules look at."""

import pathlib

CPP = {".h", ".cpp", ".cu", ".cuh"}
OUTSIDE = {".git", ".deps", "build", "runs", "__pycache__"}
HERE = pathlib.Path(__file__).resolve().parent


def files_of(root, *folders):
    for folder in folders or [""]:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and not OUTSIDE & set(path.relative_to(root).parts):
                yield path


def cpp_files(root, *folders):
    return [path for path in files_of(root, *folders) if path.suffix in CPP]
