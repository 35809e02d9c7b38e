#pragma once
// Reads samples of a data set for evaluation, in the order of their ids. Shares the work among
// libtorch's threads. A read is tried again where the disk was away (data/retry.h). Errors: those
// of data::SampleBuilder.

#include <cstdint>
#include <span>

#include "core/types.h"
#include "data/data_options.h"
#include "data/shard_set.h"
#include "image/transform.h"

namespace bbg::feed {

// The part of each sample that is read: the middle, or what (seed, draw, id of the sample) choose.
struct View {
  image::Augment augment = image::Augment::kNone;
  bool flip = false;
  uint64_t seed = 0;
  int64_t draw = 0;
};

// images [n, C, size, size] float32 in [-1, 1], labels [n], sample ids [n]; on the CPU. Where
// `on_corrupt` says so, the next good sample of the set stands in for a damaged one.
core::Batch read_samples(const data::ShardSet& shards, std::span<const int64_t> ids, int64_t size,
                         data::OnCorrupt on_corrupt = data::OnCorrupt::kStop,
                         const View& view = {});
// The samples [first, first + count).
core::Batch read_range(const data::ShardSet& shards, int64_t first, int64_t count, int64_t size,
                       data::OnCorrupt on_corrupt = data::OnCorrupt::kStop, const View& view = {});

// The middle of those of any source; each sample is compared with its digest where it has one.
core::Batch read_range(const data::SampleSource& source, int64_t first, int64_t count,
                       int64_t size);

}  // namespace bbg::feed
