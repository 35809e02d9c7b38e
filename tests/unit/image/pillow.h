#pragma once
// Pillow as an oracle, through the Python that BBG_PYTHON names.

#include <cstdlib>
#include <string>
#include <vector>

#include "image/resample.h"
#include "image/transform.h"
#include "tests/support/program.h"

namespace bbg::image {

// Empty: the oracles can run.
inline std::string why_no_pillow(const test::TemporaryFolder& folder) {
  const char* python = std::getenv("BBG_PYTHON");
  if (python == nullptr || *python == '\0') {
    return "BBG_PYTHON names no Python (launch/setup --with-tests installs one)";
  }
  const test::Outcome outcome =
      test::run_command(folder, test::shell_word(python) + " -B -c 'import PIL.Image'");
  return outcome.code == 0 ? "" : "Pillow cannot be imported: " + outcome.err;
}

// Runs a script of this folder; the names are those of files in `folder`.
inline void run_oracle(const test::TemporaryFolder& folder, const std::string& script,
                       const std::vector<std::string>& names) {
  std::string command =
      test::shell_word(std::getenv("BBG_PYTHON")) + " -B " +
      test::shell_word(std::string(BBG_SOURCE_DIR) + "/tests/unit/image/" + script);
  for (const std::string& name : names) command += " " + test::shell_word(folder / name);
  const test::Outcome outcome = test::run_command(folder, command);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
}

// A box of an image becomes height x width, and may then be mirrored.
struct PillowCase {
  core::Image image;
  Box box;
  int64_t height, width;
  Filter filter;
  bool is_flipped = false;
};

inline std::string describe(const PillowCase& one) {
  std::string text;
  for (const int64_t number :
       {one.image.height, one.image.width, one.image.channels, one.box.top, one.box.left,
        one.box.height, one.box.width, one.height, one.width}) {
    text += std::to_string(number) + " ";
  }
  return text + core::word_of(kFilters, one.filter) + (one.is_flipped ? " 1" : " 0");
}

// Pillow's results, one behind the other.
inline std::string ask_pillow(const test::TemporaryFolder& folder,
                              const std::vector<PillowCase>& cases) {
  std::string pixels, lines;
  for (const PillowCase& one : cases) {
    pixels.append(one.image.pixels.begin(), one.image.pixels.end());
    lines += describe(one) + "\n";
  }
  test::write_file(folder / "pixels", pixels);
  test::write_file(folder / "cases", lines);
  run_oracle(folder, "pillow.py", {"pixels", "cases", "result"});
  return test::read_file(folder / "result");
}

}  // namespace bbg::image
