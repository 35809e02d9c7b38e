#pragma once
// Runs the built programs from outside, as a user would: what they print and what they exit with.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "tests/support/temporary_folder.h"

namespace bbg::test {

struct Outcome {
  int code = -1;  // -1: ended by a signal
  std::string out, err;
};

inline std::string shell_word(const std::string& path) { return "'" + path + "'"; }
inline std::string program(const std::string& name) {
  return shell_word(std::string(BBG_BIN_DIR) + "/" + name);
}

// `command` is shell text; its output is kept in `folder`.
inline Outcome run_command(const TemporaryFolder& folder, const std::string& command) {
  const std::string out = folder / "out", err = folder / "err";
  const int status = std::system(
      ("{ " + command + "\n} </dev/null >" + shell_word(out) + " 2>" + shell_word(err)).c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(out), read_file(err)};
}

// An error as users are promised it: one line that says what and where, at most one line of hint,
// the exit code, and nothing on standard output.
inline void expect_one_line(const Outcome& outcome, int code, const std::string& start,
                            const std::string& text) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  EXPECT_THAT(outcome.err, ::testing::StartsWith(start));
  EXPECT_THAT(outcome.err, ::testing::HasSubstr(text));
  EXPECT_LE(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 2) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

// The same at the end of a run that had begun to speak.
inline void expect_ends_with_error(const Outcome& outcome, int code, const std::string& text) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  const size_t at = outcome.err.find(text);
  EXPECT_NE(at, std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find("error: "), outcome.err.rfind("error: ")) << outcome.err;
}

// The bytes of an IDX file (MNIST's format) of unsigned bytes.
inline std::string idx_file(const std::vector<int>& shape, const std::string& values) {
  std::string bytes = {0, 0, 8, static_cast<char>(shape.size())};
  for (const int length : shape) {
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(length >> shift & 255);
  }
  return bytes + values;
}

}  // namespace bbg::test
