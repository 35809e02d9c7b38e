#pragma once
// The parts of test images over which predictions are averaged: the four corners and the middle, as
// Krizhevsky et al. 2012 (section 4.1) take them, each to be seen mirrored too. Rank-local.

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "data/data_options.h"
#include "data/shard_set.h"
#include "image/transform.h"

namespace bbg::measure {

// Squares of `side` px: top left, top right, bottom left, bottom right, middle.
std::vector<image::Box> crop_boxes(int64_t height, int64_t width, int64_t side);

struct Crops {
  std::vector<at::Tensor> images;  // one or five parts, each [n, C, size, size] in [-1, 1]
  at::Tensor labels;               // [n]
};

// Reads the samples [first, first + count); on the CPU. Images of one size give squares of `size`
// px, or themselves where they have just this size; image files their largest squares, resampled.
// Where `on_corrupt` says so, the next good sample stands in for a damaged one; a read is tried
// again where the disk was away.
Crops read_crops(const data::ShardSet& shards, int64_t first, int64_t count, int64_t size,
                 data::OnCorrupt on_corrupt);

// The mean of `predictions` [n, classes] over all parts and their mirror images.
at::Tensor mean_over_crops(const Crops& crops,
                           const std::function<at::Tensor(const at::Tensor&)>& predictions);

}  // namespace bbg::measure
