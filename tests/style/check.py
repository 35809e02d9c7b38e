#!/usr/bin/env python3
"""Rules about the sources that a compiler does not check.

  check.py layers        includes follow the table in tests/style/layers
  check.py text          no tabs in C++, no carriage returns, no merge marks, no TODO without (#issue)
  check.py format        C++ is as clang-format leaves it (exit 77, skipped, without the pinned version)
  check.py python        Python without unused names and the like, by pyflakes (skipped without it)
  check.py shell         shell scripts without shellcheck's warnings (skipped without it)
  check.py tests BUILD   every tests/**/*_test.cpp is compiled in the build folder BUILD

Prints one line per problem. --root TREE looks at another tree than the one this file is in.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

CPP = {".h", ".cpp", ".cu", ".cuh"}
# Layout differs between versions; this is the one of Debian 12 and Ubuntu 22.04.
CLANG_FORMAT_MAJOR = 14
SKIPPED = 77
OUTSIDE = {".git", ".deps", "build", "runs", "__pycache__"}


def files_of(root, *folders):
    for folder in folders or [""]:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and not OUTSIDE & set(path.relative_to(root).parts):
                yield path


def cpp_files(root, *folders):
    return [path for path in files_of(root, *folders) if path.suffix in CPP]


def read_table(path):
    modules, headers = {}, {}
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            name, _, allowed = line.partition(":")
            (headers if name.startswith("<") else modules)[name.strip("<>")] = allowed.split()
    return modules, headers


def check_layers(root):
    modules, headers = read_table(root / "tests/style/layers")
    include = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
    for path in cpp_files(root, "src", "data_prep"):
        parts = path.relative_to(root).parts
        module = parts[0] if parts[0] == "data_prep" else parts[1]
        if module not in modules:
            yield f"{path}:1: module '{module}' is not in tests/style/layers"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = include.match(line)
            if not match:
                continue
            place, (ours, foreign) = f"{path.relative_to(root)}:{number}", match.groups()
            # In angle brackets ours would escape the table.
            target = (ours or foreign).split("/")[0]
            if ours and ("/" not in ours or target not in modules):
                yield f"{place}: write \"{ours}\" as \"module/file.h\""
            elif target in modules and "/" in (ours or foreign):
                if target != module and target not in modules[module]:
                    yield f"{place}: {module} may not include {target} (tests/style/layers)"
            for header, owners in headers.items():
                if foreign and (foreign == header or header.endswith("/") and foreign.startswith(header)):
                    if module not in owners:
                        yield f"{place}: <{foreign}> belongs to {' and '.join(owners)} (tests/style/layers)"
                    elif path.suffix != ".cpp":
                        yield f"{place}: <{foreign}> may be included by .cpp files only"


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
    compiled = {pathlib.Path(entry["directory"], entry["file"]).resolve()
                for entry in json.loads((build / "compile_commands.json").read_text())}
    cache = (build / "CMakeCache.txt").read_text()
    has_gpu_tests = not re.search(r"^BBG_CUDA:BOOL=(OFF|0|NO|FALSE)$", cache, re.MULTILINE | re.IGNORECASE)
    for path in cpp_files(root, "tests"):
        name = path.relative_to(root)
        if not path.name.endswith("_test.cpp") or (name.parts[1] == "gpu" and not has_gpu_tests):
            continue
        if path.resolve() not in compiled:
            yield f"{name}: no program of tests/CMakeLists.txt compiles it"


RULES = {"layers": check_layers, "text": check_text, "format": check_format, "python": check_python,
         "shell": check_shell}


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
