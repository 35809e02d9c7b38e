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

    def test_a_source_of_sources_compiles_what_it_includes(self):
        self.write("tests/unit/core/a_test.cpp", "")
        self.write("build/Unity/unity_0_cxx.cxx", f'#include "{self.root}/tests/unit/core/a_test.cpp"\n')
        self.write("build/compile_commands.json", json.dumps(
            [{"directory": str(self.root / "build"), "file": "Unity/unity_0_cxx.cxx"}]))
        self.write("build/CMakeCache.txt", "")
        self.assertEqual(self.run_rule("tests", str(self.root / "build")), (0, ""))

    def test_unformatted_code_is_found(self):
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.write("src/core/error.cpp", "int  x ;\n")
        code, output = self.run_rule("format")
        if code == 77:
            self.skipTest(output)
        self.assertEqual((code, output), (1, "src/core/error.cpp: run clang-format -i on it\n"))

    def test_a_comment_that_opens_with_its_thing_passes(self):
        self.write("src/core/error.cpp",
                   "// Says\n// what was done.\n"
                   "int x = 0;  // bytes\n"
                   "            // of the whole\n"
                   'const char* y = "//  // of";  // offset, and what follows\n'
                   'const char* z = R"(\n// What it is.\n)";\n'
                   "// Offices whatever whosever\n")
        self.assertEqual(self.run_rule("english"), (0, ""))

    def test_a_comment_that_opens_with_of_what_or_whose_is_found(self):
        for name, text, line, word in (("src/core/error.h", "\n// What is left\n// of it.\nint x;\n", 2, "What"),
                                       ("src/ops/norm.cu", "int x = 0;  // of the whole\n", 1, "of"),
                                       ("src/core/log.h", "int x;  // bytes\n// Whose file.\nint y;\n", 2, "Whose"),
                                       ("src/core/rng.h", "#include <span>  //what for\n", 1, "what"),
                                       ("data_prep/main.cpp", "// It.\n\n  // OF it\n", 3, "OF"),
                                       ("tests/unit/a_test.cpp", "/// what\n", 1, "what")):
            with self.subTest(name):
                self.write(name, text)
                self.expect_problem("english", f"{name}:{line}:", f"opens with '{word}'")
                self.write(name, "")

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

    FLOORS = ("core:\nmodel: core\n"
              "inside model: options.h < layout < options.cpp < biggan/ bigan/ < * < nets\n")

    def floors(self, name, include):
        self.write("tests/style/layers", self.FLOORS)
        self.write(f"src/model/{name}", f'#include "model/{include}"\n')

    def test_an_include_down_inside_a_module_passes(self):
        self.floors("nets.h", "generator.h")
        self.floors("generator.cpp", "biggan/generator.h")
        self.floors("biggan/generator.h", "biggan/block.h")
        self.floors("biggan/block.h", "options.h")
        self.floors("generator.h", "generator_parts.h")
        (self.root / "src/model/generator.h").unlink()
        self.floors("layout.h", "options.h")
        self.floors("options.cpp", "layout.h")
        self.assertEqual(self.run_rule("layers"), (0, ""))

    def test_an_include_up_inside_a_module_is_found(self):
        self.floors("biggan/block.h", "nets.h")
        self.expect_problem("layers", "src/model/biggan/block.h:1", "an include up inside model, from biggan/ to nets")

    def test_an_include_between_families_is_found(self):
        self.floors("biggan/block.h", "bigan/dense.h")
        self.expect_problem("layers", "src/model/biggan/block.h:1", "an include sideways inside model")

    def test_files_that_no_floor_names_are_parts_of_their_own(self):
        self.floors("generator.h", "encoder.h")
        self.expect_problem("layers", "src/model/generator.h:1", "sideways inside model, from generator to encoder")

    def test_a_file_on_no_floor_is_found(self):
        self.write("tests/style/layers", self.FLOORS.replace(" * <", ""))
        self.write("src/model/nets.h", '#include "model/other.h"\n')
        self.expect_problem("layers", "src/model/nets.h:1", "model/other.h is on no floor")

    def test_a_room_that_holds_too_much_is_found(self):
        for room in "abcdefg":
            self.write(f"src/{room}/a.h", 10 * "\n")
        self.assertEqual(self.run_rule("sizes"), (0, ""))
        self.write("src/a/b.h", 10 * "\n")
        self.expect_problem("sizes", "src/a", "20 of 81 lines")

    def test_files_that_are_long_for_the_most_part_are_found(self):
        self.write("src/core/error.h", 80 * "\n")
        self.expect_problem("sizes", "src", "the median file has 80 lines")

    LONG = ("namespace bbg {\n\nstruct Table {\n  int x{0};\n};\n"
            "const char* const kText = R\"({ {)\";  // {\n"
            "const int kNumbers[] = {\n" + 70 * "    1,\n" + "};\n"
            "Long::Long(int x)\n    : x_{x}, y_(']') {\n" + 28 * "  if (x) {\n  }\n" + "}\n\n"
            "bool Long::operator==(const Long& other) const {\n  return true;\n}\n\n"
            "}  // namespace bbg\n")

    def test_the_lines_of_a_function_are_counted(self):
        sys.path.insert(0, str(HERE))
        from sizes import functions_of
        self.assertEqual(list(functions_of(self.LONG)), [("Long::Long", 79, 59), ("Long::operator==", 139, 3)])

    def write_long(self, lines, name="train"):
        self.write("src/run/train.cpp", f"void {name}() {{\n" + (lines - 2) * "  step();\n" + "}\n" )
        for file in "abc":
            self.write(f"src/run/{file}.h", "\n")

    def test_a_long_function_is_found_unless_it_declares_options(self):
        self.write_long(60)
        self.assertEqual(self.run_rule("sizes"), (0, ""))
        self.write_long(61)
        self.expect_problem("sizes", "src/run/train.cpp:1", "train has 61 lines, 60 are allowed")
        self.write_long(61, "Options::declare")
        self.assertEqual(self.run_rule("sizes"), (0, ""))

    def test_the_list_of_long_functions_only_shrinks(self):
        self.write("tests/style/long_functions", "train 70  # to be cut\n")
        self.write_long(70)
        self.assertEqual(self.run_rule("sizes"), (0, ""))
        self.write_long(71)
        self.expect_problem("sizes", "src/run/train.cpp:1", "70 are allowed")
        self.write_long(69)
        self.expect_problem("sizes", "src/run/train.cpp:1", "write that into")
        self.write_long(60)
        self.expect_problem("sizes", "tests/style/long_functions", "take the line out")

    def page(self, text, name="docs/a.md"):
        self.write("docs/options.md", "| `run.steps` | `1000` | how many |\n")
        self.write("src/core/error.cpp", "void throw_it() {}\n")
        self.write(name, text + "\n")

    def test_what_exists_may_be_named(self):
        self.page("`src/core/error.h`, `core/error`, `core/error.{h,cpp}`, `src/*/error.h`, `throw_it()`, `run.steps = 3`, "
                  "`--run.steps`, `run.*`, `throw_it`, `bbg_dist --run.steps 3`, [a](options.md), `build/release/bin/bbg_dist`\n\n"
                  "# A heading\n\n[b](#a-heading)")
        self.assertEqual(self.run_rule("documents"), (0, ""))

    def test_what_a_page_names_and_does_not_exist_is_found(self):
        for text, problem in (("`src/core/gone.h`", "no file or folder 'src/core/gone.h'"),
                              ("`app/train_loop`", "no file or folder 'app/train_loop'"),
                              ("`core/error.{h,cu}`", "no file or folder"),
                              ("`gone.cpp`", "no file 'gone.cpp'"), ("`throw_them()`", "'throw_them'"),
                              ("`Error::gone`", "no source has the name 'Error'"), ("`run.gone`", "no option 'run.gone'"),
                              ("`bbg_dist --run.gone 3`", "no option 'run.gone'"),
                              ("    launch --config configs/gone.ini", "no file or folder"),
                              ("[a](gone.md)", "leads nowhere"), ("[a](#gone)", "no heading 'gone'")):
            with self.subTest(text):
                self.page(text)
                self.expect_problem("documents", "docs/a.md:1", problem)

    def test_a_function_of_a_table_stands_in_the_file_beside_it(self):
        self.page("| 1 | `src/core/error.cpp` | `throw_it` | why |")
        self.assertEqual(self.run_rule("documents"), (0, ""))
        self.write("src/core/log.cpp", "void say();\n")
        self.page("| 1 | `src/core/error.cpp` | `Log::say` | why |")
        self.assertIn("docs/a.md:1: src/core/error.cpp has no function 'say'", self.run_rule("documents")[1])

    def test_pages_of_the_past_may_name_what_was(self):
        self.page("", "docs/a.md")
        self.page("`src/app/gone.h`", "docs/decisions/0001-a.md")
        self.assertEqual(self.run_rule("documents"), (0, ""))

    def test_a_long_paragraph_is_found(self):
        self.page(150 * "word " + "\n\n- " + 150 * "word " + "\n- " + 150 * "word ")
        self.assertEqual(self.run_rule("paragraphs"), (0, ""))
        self.page("A heading\n\n" + 75 * "word\n" + 76 * "word ")
        self.expect_problem("paragraphs", "docs/a.md:3", "151 words")

    def generated_page(self, sentence):
        self.write("src/core/error.h", f"#pragma once\n// {sentence}\n// More of it.\n")
        (self.root / "docs").mkdir(exist_ok=True)
        sys.path.insert(0, str(HERE))
        import generate
        self.write("docs/architecture.md", f"{generate.BEGIN}\n{generate.END}\n")
        for name, make in generate.made(self.root):
            self.write(name, make(self.root))

    def test_the_table_of_files_has_each_header_and_must_be_fresh(self):
        self.generated_page("Kinds of failure (Lee et al. 2001). Not this.")
        self.assertEqual(self.run_rule("generated"), (0, ""))
        self.assertIn("| `src/core` | `error.h` | Kinds of failure |", (self.root / "docs/architecture.md").read_text())
        self.write("src/core/log.h", "#pragma once\n// Says what happens to people.\n")
        self.expect_problem("generated", "docs/architecture.md", "stale")

    def test_a_header_that_does_not_say_what_it_is_is_found(self):
        self.generated_page("")
        self.write("src/core/error.h", "#pragma once\n")
        self.assertIn("src/core/error.h: its first sentence has 0 characters", self.run_rule("generated")[1])

    def test_the_drawing_follows_the_table_of_layers(self):
        self.generated_page("Kinds of failure.")
        table = (self.root / "tests/style/layers").read_text()
        self.write("tests/style/layers", table.replace("eval: core comm ", "eval: core comm loss "))
        self.expect_problem("generated", "docs/images/architecture.svg", "stale")


if __name__ == "__main__":
    unittest.main()
