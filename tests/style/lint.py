#!/usr/bin/env python3
"""Runs clang-tidy with .clang-tidy over sources that a build folder compiles.

  lint.py                      all of src and data_prep; LIBTORCH_TIME
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

from compile_database import compiled_sources, translation_units

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


def sources_of(options, parser):
    """The compiled sources that the command line names."""
    entries = compiled_sources(options.build)
    wanted = {path.resolve() for path in options.files} or changed_since(options.changed)
    # A header is looked at with its own source; one without, with those that include it.
    wanted = {path.with_suffix(".cpp") if path.suffix == ".h" else path for path in wanted}
    files = sorted(path for path in wanted & set(entries) if path.suffix == ".cpp")
    if options.files and len(files) < len(wanted):
        parser.error(f"not compiled in {options.build}: " + " ".join(map(str, sorted(wanted - set(files)))))
    return files


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
    if options.files or options.changed:
        files = sources_of(options, parser)
        entries = compiled_sources(options.build)
        units = [entries[path] for path in files]
    else:
        # As the build compiles them: eight sources with BBG_UNITY, so that libtorch's headers are read an eighth as often.
        units, files = [], []
        for entry, sources in translation_units(options.build):
            if any(path.relative_to(ROOT).parts[0] in ("src", "data_prep") for path in sources if path.suffix == ".cpp"):
                units.append(entry)
                files += sources

    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "compile_commands.json").write_text(
            json.dumps([as_clang_takes_it(unit) for unit in units]))

        def look_at(unit):
            return subprocess.run([tool, "-p", folder, "--quiet", unit["file"]], capture_output=True, text=True)

        # A header's finding comes with every file that includes it.
        seen, failed = set(), False
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for result in pool.map(look_at, units):
                failed |= result.returncode != 0
                for line in result.stdout.splitlines():
                    is_finding = ": warning: " in line or ": error: " in line
                    # Files that CMake makes: those for BBG_UNITY include sources, others hold whole texts.
                    is_ours = line.startswith((f"{ROOT}/src/", f"{ROOT}/data_prep/"))
                    is_option_table = "function 'declare' exceeds" in line  # long by nature
                    if is_finding and is_ours and not is_option_table and line not in seen:
                        seen.add(line)
                        print(line.replace(f"{ROOT}/", ""), flush=True)
    print(f"{len(files)} files, {len(seen)} findings")
    sys.exit(1 if seen or failed else 0)


if __name__ == "__main__":
    main()
