#pragma once
// Prefetching loader: background threads build this rank's slice of the coming global batches, and
// next() hands them out in order of draw. What comes out depends on plan and options only, never on
// timing.
//
// One thread calls next(). A wait beyond the deadline, and whatever a thread threw, is thrown from
// next(). The destructor ends the threads, each after the read that it is in; one whose read does
// not return within a second is left behind with a share of the files it reads, for no call can end
// it.

#include <cstdint>
#include <memory>
#include <span>

#include "core/slots.h"
#include "core/types.h"
#include "data/data_options.h"
#include "data/sample_plan.h"
#include "data/shard_set.h"

namespace bbg::feed {

class Loader {
 public:
  // `slots`: this rank's of each global batch. Images are at least as large as options.crop;
  // first_draw: see SamplePlan.
  Loader(const data::ShardSet& shards, const data::SamplePlan& plan,
         const data::DataOptions& options, const core::Slots& slots, int64_t first_draw);
  Loader(std::shared_ptr<const data::SampleSource> source, const data::SamplePlan& plan,
         const data::DataOptions& options, const core::Slots& slots, int64_t first_draw);
  ~Loader();

  // images [b, C, H, W] float32 in [-1, 1] (x / 127.5 - 1), labels [b], sample ids [b]; on the CPU.
  // H and W are the crop where there is one, else those of the data set.
  core::Batch next();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the threads, see above
};

// The samples with these ids, in this order and without random changes, for evaluation. With a crop
// above 0 the middle of each.
core::Batch read_samples(const data::ShardSet& shards, std::span<const int64_t> ids,
                         int64_t crop = 0);
// The samples [first, first + count).
core::Batch read_range(const data::ShardSet& shards, int64_t first, int64_t count,
                       int64_t crop = 0);

}  // namespace bbg::feed
