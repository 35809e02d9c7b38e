#pragma once
// Checking a whole data set.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bbg::data {

struct Verdict {
  std::vector<std::string> problems;  // all that is wrong, a line each; in order of samples
  int64_t bad_samples = 0;
};

struct VerifyOptions {
  int64_t threads = 1;
  bool decodes = false;  // every image of a set that holds files
};

// Reads every byte of the data set at `path`, and compares samples, names and the fingerprint with
// what is stated. `progress` hears samples done and samples in all, one
// call at a time. What cannot be opened at all is thrown, as ShardSet::open does.
Verdict verify(const std::string& path, const VerifyOptions& options,
               const std::function<void(int64_t, int64_t)>& progress = {});

}  // namespace bbg::data
