#!/usr/bin/env python3
"""Rules about the sources that a compiler does not check.

  check.py layers        includes follow the table in tests/style/layers
  check.py text          no tabs in C++, no carriage returns, no merge marks, no TODO without (#issue)
  check.py format        C++ is as clang-format leaves it (exit 77, skipped, without the pinned version)
  check.py english       a comment in C++ opens with its thing or a verb, not with "of", "what" or "whose"
  check.py python        Python without unused names and the like, by pyflakes (skipped without it)
  check.py shell         shell scripts without shellcheck's warnings (skipped without it)
  check.py sizes         rooms, files and functions stay small; functions that are longer stand in tests/style/long_functions
  check.py documents     paths, symbols and options that pages name exist; links lead somewhere
  check.py paragraphs    a page's paragraphs have up to 150 words
  check.py generated     the tables and drawings that generate.py makes are up to date
  check.py tests BUILD   every tests/**/*_test.cpp is compiled in the build folder BUILD

Prints one line per problem. --root TREE looks at another tree than the one this file is in.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

from compile_database import compiled_sources
from documents import check_documents, check_paragraphs
from english import check_english
from generate import check_generated
from layers import check_layers
from sizes import check_sizes
from tree import CPP, cpp_files, files_of

# Layout differs between versions; this is the one of Debian 12 and Ubuntu 22.04.
CLANG_FORMAT_MAJOR = 14
SKIPPED = 77


def check_text(root):
    note = re.compile(r"\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))")
    merge = re.compile(r"^(?:<{7}|>{7}) ")
    for path in files_of(root):
        if path.is_relative_to(root / "tests/style"):
            continue
        data = path.read_bytes()
        if b"\0" in data:
            continue
        for number, line in enumerate(data.decode(errors="replace").split("\n"), 1):
            place = f"{path.relative_to(root)}:{number}"
            if path.suffix in CPP and "\t" in line:
                yield f"{place}: tab in a C++ file"
            if line.endswith("\r"):
                yield f"{place}: carriage return at the end of the line"
            if merge.match(line):
                yield f"{place}: mark of an unfinished merge"
            if note.search(line):
                yield f"{place}: a TODO carries an issue number: TODO(#12)"


def check_format(root):
    tool = shutil.which(f"clang-format-{CLANG_FORMAT_MAJOR}") or shutil.which("clang-format")
    version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout if tool else "none"
    if not re.search(rf"version {CLANG_FORMAT_MAJOR}\.", version):
        print(f"skipped: needs clang-format {CLANG_FORMAT_MAJOR}, found: {version.strip()}")
        sys.exit(SKIPPED)
    for path in cpp_files(root, "src", "data_prep", "tests"):
        text = path.read_bytes()
        wanted = subprocess.run([tool, f"--assume-filename={path}", "--style=file"], input=text,
                                capture_output=True, check=True).stdout
        if text != wanted:
            yield f"{path.relative_to(root)}: run clang-format -i on it"


def found_by(tool, names, root, arguments, files):
    program = next(filter(None, map(shutil.which, names)), None)
    if not program:
        print(f"skipped: no {tool}; launch/setup --with-tests installs it")
        sys.exit(SKIPPED)
    if files:
        result = subprocess.run([program, *arguments, *(path.relative_to(root) for path in files)], cwd=root,
                                capture_output=True, text=True)
        yield from (result.stdout + result.stderr).splitlines()


def check_python(root):
    return found_by("pyflakes", ["pyflakes3", "pyflakes"], root, [],
                    [path for path in files_of(root) if path.suffix == ".py"])


def check_shell(root):
    scripts = [path for path in files_of(root) if path.suffix in {"", ".sh", ".sbatch"}
               and re.match(rb"#!.*\bbash|# shellcheck shell=bash", path.read_bytes()[:80])]
    return found_by("shellcheck", ["shellcheck"], root, ["--format=gcc", "--external-sources"], scripts)


def check_tests(root, build):
    compiled = compiled_sources(build)
    cache = (build / "CMakeCache.txt").read_text()
    has_gpu_tests = not re.search(r"^BBG_CUDA:BOOL=(OFF|0|NO|FALSE)$", cache, re.MULTILINE | re.IGNORECASE)
    for path in cpp_files(root, "tests"):
        name = path.relative_to(root)
        if not path.name.endswith("_test.cpp") or (name.parts[1] == "gpu" and not has_gpu_tests):
            continue
        if path.resolve() not in compiled:
            yield f"{name}: no program of tests/CMakeLists.txt compiles it"


RULES = {"layers": check_layers, "text": check_text, "format": check_format, "english": check_english,
         "python": check_python, "shell": check_shell, "sizes": check_sizes, "documents": check_documents,
         "paragraphs": check_paragraphs, "generated": check_generated}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rule", choices=[*RULES, "tests"])
    parser.add_argument("build", nargs="?", type=pathlib.Path)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    options = parser.parse_args()
    root = options.root.resolve()
    if options.rule == "tests":
        if options.build is None:
            parser.error("the rule 'tests' needs the build folder")
        problems = list(check_tests(root, options.build.resolve()))
    else:
        problems = list(RULES[options.rule](root))
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
