#pragma once
// Options of reading data for training.

#include <cstdint>
#include <string>

#include "core/options.h"
#include "core/words.h"
#include "data/transform.h"

namespace bbg::data {

// The answer to a sample that is damaged.
enum class OnCorrupt {
  kStop,  // the run ends
  kSkip,  // the next good one of the epoch's order stands in for it
};
inline constexpr core::Word<OnCorrupt> kOnCorrupts[] = {{"stop", OnCorrupt::kStop},
                                                        {"skip", OnCorrupt::kSkip}};

struct DataOptions {
  std::string shards, test_shards;
  int64_t batch = 64;  // global
  int64_t crop = 0;    // px; 0: none
  Augment augment = Augment::kRandomPlace;
  bool flip = false;
  int64_t loader_threads = 0;  // 0: see threads_on()
  int64_t prefetch = 4;
  int64_t deadline_ms = 300'000;
  bool verify = true;
  OnCorrupt on_corrupt = OnCorrupt::kStop;

  void declare(core::OptionTable& table);
  // Samples of each of `ranks` ranks; UsageError where the batch cannot be divided among them, or
  // each rank's not into `portions`.
  int64_t rank_batch(int ranks, int64_t portions = 1) const;
  // Threads of a rank that read ahead: loader_threads, or those of its `cores` that its `busy`
  // threads leave, from 1 to 16.
  int64_t threads_on(int64_t cores, int64_t busy) const;
};

}  // namespace bbg::data
