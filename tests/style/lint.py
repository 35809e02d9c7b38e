#!/usr/bin/env python3
"""Runs clang-tidy with .clang-tidy over sources that a build folder compiles.

  lint.py                      all of src and data_prep; two files at a time take about half an hour
  lint.py src/comm/*.cpp       these
  lint.py --changed main       those that differ from the commit `main`, and those not committed yet

Exit codes: 0 nothing found, 1 something found, 77 no clang-tidy.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

from compile_database import compiled_sources

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77


def as_clang_takes_it(entry):
    """The entry without ccache, and without GCC's precompiled header, which clang cannot read."""
    words = shlex.split(entry["command"])
    words = words[next(i for i, word in enumerate(words) if pathlib.Path(word).name in ("c++", "g++", "clang++")):]
    kept, skip = [], 0
    for word, following in zip(words, words[1:] + [""]):
        if skip:
            skip -= 1
        elif word == "-include" and "cmake_pch" in following:
            skip = 1
        elif word not in ("-fpch-preprocess", "-Winvalid-pch", "-Werror"):
            kept.append(word)
    return {"directory": entry["directory"], "file": entry["file"], "arguments": kept}


def changed_since(commit):
    diff = subprocess.run(["git", "-C", ROOT, "diff", "--name-only", "--diff-filter=d", commit],
                          capture_output=True, text=True, check=True).stdout
    new = subprocess.run(["git", "-C", ROOT, "ls-files", "--others", "--exclude-standard"],
                         capture_output=True, text=True, check=True).stdout
    return {ROOT / name for name in (diff + new).splitlines()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--changed", metavar="COMMIT")
    options = parser.parse_args()

    tool = shutil.which("clang-tidy")
    if not tool:
        print("skipped: no clang-tidy; launch/setup --with-lint installs it")
        sys.exit(SKIPPED)
    database = options.build / "compile_commands.json"
    if not database.exists():
        parser.error(f"{database} is not there: configure first (make build)")
    entries = compiled_sources(options.build)
    if options.files:
        wanted = {path.resolve() for path in options.files}
    elif options.changed:
        wanted = changed_since(options.changed)
    else:
        wanted = {path for path in entries if path.relative_to(ROOT).parts[0] in ("src", "data_prep")}
    # A header is looked at with its own source; one without, with those that include it.
    wanted = {path.with_suffix(".cpp") if path.suffix == ".h" else path for path in wanted}
    files = sorted(path for path in wanted & set(entries) if path.suffix == ".cpp")
    if options.files and len(files) < len(wanted):
        parser.error(f"not compiled in {options.build}: " + " ".join(map(str, sorted(wanted - set(files)))))

    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "compile_commands.json").write_text(
            json.dumps([as_clang_takes_it(entries[path]) for path in files]))

        def look_at(path):
            return subprocess.run([tool, "-p", folder, "--quiet", str(path)], capture_output=True, text=True)

        # A header's finding comes with every file that includes it.
        seen, failed = set(), False
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for path, result in zip(files, pool.map(look_at, files)):
                failed |= result.returncode != 0
                for line in result.stdout.splitlines():
                    if (": warning: " in line or ": error: " in line) and line not in seen:
                        seen.add(line)
                        print(line.replace(f"{ROOT}/", ""), flush=True)
    print(f"{len(files)} files, {len(seen)} findings")
    sys.exit(1 if seen or failed else 0)


if __name__ == "__main__":
    main()
