#!/usr/bin/env python3
"""launch/count_tests.py counts single tests, whether ctest starts a program for one or for many."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "launch/count_tests.py"

OK = "[       OK ] {} (3 ms)\n"
SKIPPED = "a_test.cpp:7: Skipped\n{}\n\n\n[  SKIPPED ] {} (0 ms)\n"


class CountTests(unittest.TestCase):
    def count(self, *cases):
        text = "<testsuite>" + "".join(
            f'<testcase name="{name}" status="{status}"><system-out>{output}</system-out></testcase>'
            for name, status, output in cases) + "</testsuite>"
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(text)
            file.flush()
            return subprocess.run([sys.executable, SCRIPT, file.name], capture_output=True, text=True,
                                  check=True).stdout.splitlines()

    def test_each_test_of_a_program_counts(self):
        self.assertEqual(self.count(("unit_a.A", "run", OK.format("A.One") + OK.format("A.Two/3")),
                                    ("style.text", "run", "")), ["test: 3 passed, 0 failed, 0 skipped"])

    def test_skipped_tests_are_named_with_their_reason(self):
        output = OK.format("A.One") + SKIPPED.format("no data", "A.Two") + SKIPPED.format("no disk", "A.Three")
        output += "[  SKIPPED ] 2 tests, listed below:\n[  SKIPPED ] A.Two\n[  SKIPPED ] A.Three\n"
        self.assertEqual(self.count(("unit_a.A", "run", output), ("style.format", "notrun", "skipped: no tool")),
                         ["test: skipped: A.Two (no data)", "test: skipped: A.Three (no disk)",
                          "test: skipped: style.format", "test: 1 passed, 0 failed, 3 skipped"])

    def test_a_program_without_a_gpu_skips_all_its_tests(self):
        output = SKIPPED.format("no GPU", "G.One/0") + SKIPPED.format("no GPU", "G.Two")
        self.assertEqual(self.count(("gpu_tests", "notrun", output))[-1], "test: 0 passed, 0 failed, 2 skipped")

    def test_failed_tests_are_named_and_so_is_a_program_that_dies(self):
        failed = "[  FAILED  ] A.Two/0, where GetParam() = 3 (5 ms)\n"
        self.assertEqual(self.count(("unit_a.A", "fail", OK.format("A.One") + failed),
                                    ("unit_b.B", "fail", OK.format("B.One"))),
                         ["test: failed: A.Two/0", "test: failed: unit_b.B", "test: 2 passed, 2 failed, 0 skipped"])

    def test_the_ten_slowest_of_many_are_named(self):
        lines = self.count(*((f'a{i}" time="{i}', "run", "") for i in range(11)))
        self.assertEqual(lines[0], "test: slowest: " + ", ".join(f"a{i} {i} s" for i in range(10, 0, -1)))

    def test_ranks_count_as_one(self):
        self.assertEqual(self.count(("ranks_2", "run", 2 * (OK.format("R.One") + SKIPPED.format("no", "R.Two")))),
                         ["test: 1 passed, 0 failed, 0 skipped"])


if __name__ == "__main__":
    unittest.main()
