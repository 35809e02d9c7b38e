#pragma once
// The global batches of a run, one after the other, and the random numbers beside each: this rank's
// slice of them, on its device. One thread.

#include <optional>
#include <vector>

#include "core/slots.h"
#include "core/types.h"
#include "data/shard_set.h"
#include "feed/loader.h"
#include "run/run_config.h"
#include "train/noise.h"

namespace bbg::run {

class Batches {
 public:
  // References must outlive this object. go_to() comes before the first next().
  // loader_threads: as many read ahead.
  Batches(const RunConfig& config, const data::ShardSet& shards, const core::Slots& slots,
          at::TensorOptions tensor_options, int64_t loader_threads);

  // The next batch is that of `draw` (core/draws.h); for `image_offset` see Progress.
  void go_to(int64_t draw, int64_t image_offset);

  core::Batch next();
  // The random numbers beside a batch; taken once for each, before or after it.
  train::Noise noise();

  // Since the start: seconds that next() waited for data, and damaged samples that others replaced.
  double waited_seconds() const;
  data::Replaced replaced() const;

  // Sample ids of the batches since the last call, and no longer here.
  std::vector<at::Tensor> take_sample_ids();

 private:
  const RunConfig& config_;
  const data::ShardSet& shards_;
  core::Slots slots_;
  at::TensorOptions tensor_options_;
  data::DataOptions options_;
  uint64_t seed_;
  int64_t draw_ = 0;
  std::optional<feed::Loader> loader_;
  std::vector<at::Tensor> sample_ids_;
  double waited_before_ = 0;  // with loaders that go_to() has ended, as the next
  data::Replaced replaced_before_;
};

}  // namespace bbg::run
