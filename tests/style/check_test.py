#!/usr/bin/env python3
"""The rules of check.py find what they are there to find."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("src/core/error.h", "#pragma once\n")
        (self.root / "tests/style").mkdir(parents=True)
        shutil.copy(HERE / "layers", self.root / "tests/style/layers")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())

    def run_rule(self, *arguments):
        result = subprocess.run([sys.executable, HERE / "check.py", *arguments, "--root", self.root],
                                capture_output=True, text=True)
        self.assertEqual(result.stderr, "")
        return result.returncode, result.stdout

    def expect_problem(self, rule, place, text):
        code, output = self.run_rule(rule)
        self.assertEqual(code, 1)
        self.assertEqual(len(output.splitlines()), 1, output)
        self.assertIn(place, output)
        self.assertIn(text, output)

    def test_allowed_includes_pass(self):
        self.write("src/comm/mpi.cpp", '#include <mpi.h>\n#include <vector>\n#include "core/error.h"\n')
        self.write("src/cli/main.cpp", '#include "comm/mpi.h"\n#include "run/folder.h"\n')
        self.write("data_prep/main.cpp", '#include <vector>\n#include "data/shard.h"\n')
        self.assertEqual(self.run_rule("layers"), (0, ""))

    def test_an_edge_outside_the_table_is_found(self):
        self.write("src/loss/hinge.cpp", '#include <vector>\n#include "comm/communicator.h"\n')
        self.expect_problem("layers", "src/loss/hinge.cpp:2", "loss may not include comm")

    def test_an_edge_in_angle_brackets_is_found(self):
        self.write("src/core/error.cpp", "#include <comm/communicator.h>\n")
        self.expect_problem("layers", "src/core/error.cpp:1", "core may not include comm")

    def test_data_prep_may_not_reach_into_training(self):
        self.write("data_prep/main.cpp", '#include "train/step.h"\n')
        self.expect_problem("layers", "data_prep/main.cpp:1", "data_prep may not include train")

    def test_an_include_without_module_is_found(self):
        self.write("src/core/error.cpp", '#include "error.h"\n')
        self.expect_problem("layers", "src/core/error.cpp:1", "module/file.h")

    def test_a_foreign_header_in_another_module_is_found(self):
        self.write("src/train/step.cpp", "#include <nccl.h>\n")
        self.expect_problem("layers", "src/train/step.cpp:1", "belongs to comm")

    def test_a_foreign_header_in_a_header_is_found(self):
        self.write("src/comm/communicator.h", "#include <mpi.h>\n")
        self.expect_problem("layers", "src/comm/communicator.h:1", ".cpp files only")

    def test_a_module_outside_the_table_is_found(self):
        self.write("src/utils/misc.cpp", "int x;\n")
        self.expect_problem("layers", "src/utils/misc.cpp", "not in tests/style/layers")

    def test_a_tab_is_found_in_cpp_alone(self):
        self.write("Makefile", "all:\n\ttrue\n")
        self.write("src/core/error.cpp", "int main() {\n\treturn 0;\n}\n")
        self.expect_problem("text", "src/core/error.cpp:2", "tab")

    def test_a_note_needs_an_issue_number(self):
        self.write("launch/setup", "# TODO(#12): later\n# TODO: never\n")
        self.expect_problem("text", "launch/setup:2", "issue number")

    def test_carriage_returns_and_merge_marks_are_found(self):
        self.write("README.md", "a\r\n")
        self.expect_problem("text", "README.md:1", "carriage return")
        self.write("README.md", "<<<<<<< ours\n")
        self.expect_problem("text", "README.md:1", "merge")

    def test_build_folders_and_binary_files_are_left_alone(self):
        self.write("build/x/a.cpp", "\t// TODO\n")
        self.write("picture.png", "\0TODO\r\n")
        self.assertEqual(self.run_rule("text"), (0, ""))

    def test_a_test_that_no_program_compiles_is_found(self):
        self.write("tests/unit/core/a_test.cpp", "")
        self.write("tests/unit/core/b_test.cpp", "")
        self.write("tests/gpu/c_test.cpp", "")
        self.write("build/compile_commands.json", json.dumps(
            [{"directory": str(self.root / "build"), "file": str(self.root / "tests/unit/core/a_test.cpp")}]))
        self.write("build/CMakeCache.txt", "BBG_CUDA:BOOL=OFF\n")
        code, output = self.run_rule("tests", str(self.root / "build"))
        self.assertEqual((code, output),
                         (1, "tests/unit/core/b_test.cpp: no program of tests/CMakeLists.txt compiles it\n"))
        self.write("build/CMakeCache.txt", "BBG_CUDA:BOOL=ON\n")
        self.assertIn("tests/gpu/c_test.cpp", self.run_rule("tests", str(self.root / "build"))[1])

    def test_unformatted_code_is_found(self):
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.write("src/core/error.cpp", "int  x ;\n")
        code, output = self.run_rule("format")
        if code == 77:
            self.skipTest(output)
        self.assertEqual((code, output), (1, "src/core/error.cpp: run clang-format -i on it\n"))

    def test_an_unused_name_in_python_is_found(self):
        self.write("tests/read.py", "import os\n")
        code, output = self.run_rule("python")
        if code == 77:
            self.skipTest(output)
        self.assertEqual((code, output), (1, "tests/read.py:1:1: 'os' imported but unused\n"))

    def test_an_unquoted_variable_in_a_script_is_found(self):
        self.write("launch/setup", "#!/usr/bin/env bash\nrm -r $1\n")
        code, output = self.run_rule("shell")
        if code == 77:
            self.skipTest(output)
        self.assertEqual(code, 1)
        self.assertIn("launch/setup:2", output)


if __name__ == "__main__":
    unittest.main()
