#pragma once
// The real images of a measurement: a training split and a test split, each read in the order of
// the data set, and shared out over the ranks in equal parts that follow each other.

#include <functional>
#include <string>
#include <utility>

#include "core/types.h"
#include "data/shard_set.h"
#include "eval/labelled_rows.h"
#include "measure/context.h"

namespace bbg::measure {

struct Split {
  const data::ShardSet* shards;
  int64_t first, count;
  std::string path;  // for messages

  Split at_most(int64_t images) const;  // its first ones
};

// This rank's part of something.
using Labelled = eval::LabelledRows;

// Images that are held out where there are no test images: a sixth of `train`, and at most 50,000,
// ImageNet's number.
int64_t held_out(int64_t train);

class Images {
 public:
  // `test` may be null: then the last images of `train` are held out for the measures (training has
  // seen them). Both splits have at least one image for each rank.
  Images(const Context& context, const data::ShardSet& train, const data::ShardSet* test);

  const Split& train() const { return train_; }
  const Split& test() const { return test_; }

  // Images on the device, labels on the CPU. View 0 is the middle of each; every other number is a
  // random area of each, mirrored or not.
  core::Batch read(const Split& split, int64_t first, int64_t count, int64_t view = 0) const;
  // The results of `map` on this rank's images, as float32, and their labels. All ranks call it.
  Labelled map(const Split& split, const std::function<at::Tensor(const at::Tensor&)>& map,
               int64_t view = 0) const;

 private:
  const Context context_;
  Split train_, test_;
};

// Names the first image without a label; empty: all have one.
std::string without_label(const Split& split);

// First and number of this rank's part of `count`.
std::pair<int64_t, int64_t> own_part(int64_t count, const comm::Communicator& communicator);

// Calls `visit` with pieces of this rank's part of `count` images, eval.batch long at most. All
// ranks pass equally often.
void for_each_batch(const Context& context, const std::string& what, int64_t count,
                    const std::function<void(int64_t first, int64_t count)>& visit);

}  // namespace bbg::measure
