#pragma once
// Options of reading data for training.

#include <cstdint>
#include <string>

#include "core/options.h"

namespace bbg::data {

struct DataOptions {
  std::string shards, test_shards;
  int64_t batch = 64;  // global
  int64_t crop = 0;    // px; 0: none
  bool flip = false;
  int64_t loader_threads = 1;
  int64_t prefetch = 4;
  int64_t deadline_ms = 300'000;
  bool verify = true;

  void declare(core::OptionTable& table);
  // Samples of each of `ranks` ranks; UsageError where the batch cannot be divided among them, or
  // each rank's not into `portions`.
  int64_t rank_batch(int ranks, int64_t portions = 1) const;
};

}  // namespace bbg::data
