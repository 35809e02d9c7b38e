#pragma once
// The frame of fuzz tests. A parser has one file <name>_fuzz.cpp with one test, which calls fuzz().
// In ctest a few seconds of them run; longer, and others:
//
//   fuzz --seconds 600 --seed 7 --keep last_input [--gtest_filter=...]
//
// An input that crashes is in the file that --keep names.

#include <cstdint>
#include <functional>
#include <string>

#include "tests/fuzz/mutate.h"

namespace bbg::test {

struct FuzzOptions {
  double seconds = 2;  // for each test
  uint64_t seed = 1;
  std::string keep;  // file of the input under test; empty: none
};
FuzzOptions& fuzz_options();  // set by main, before tests run

// The files of tests/fuzz/corpus/<name>.
std::vector<std::string> corpus(const std::string& name);

// Calls `parse` with damaged files until time is up. It throws nothing, and may fail as tests do.
void fuzz(const std::vector<std::string>& files,
          const std::function<void(const std::string& file, Mutator& random)>& parse);

}  // namespace bbg::test
