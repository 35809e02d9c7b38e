#pragma once
// Asks the system in advance for the samples that a loader's threads read next, while reads wait
// for a disk. No result depends on it. Thread-safe.

#include <atomic>
#include <cstdint>

#include "data/loader_setup.h"
#include "data/sample_source.h"

namespace bbg::data {

class ReadAhead {
 public:
  // References outlive it. A sample takes about `sample_bytes`.
  ReadAhead(const SampleSource& source, const LoaderSetup& setup, int64_t sample_bytes);

  // So many rows of this rank's batches are asked for in advance.
  int64_t distance() const { return distance_; }

  // This row of a draw has been read.
  void follow(int64_t draw, int64_t row);

 private:
  const SampleSource& source_;
  const LoaderSetup& setup_;
  const int64_t distance_;
  // The rows before this one have been asked for; they are counted from the first draw's first.
  std::atomic<int64_t> asked_ = 0;
};

}  // namespace bbg::data
