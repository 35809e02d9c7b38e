#pragma once
// Reads samples of a data set for evaluation: in the order of their ids, without random changes,
// the middle of each. Shares the work among libtorch's threads. Errors: those of
// data::SampleBuilder.

#include <cstdint>
#include <span>

#include "core/types.h"
#include "data/data_options.h"
#include "data/shard_set.h"

namespace bbg::feed {

// images [n, C, size, size] float32 in [-1, 1], labels [n], sample ids [n]; on the CPU. Where
// `on_corrupt` says so, the next good sample of the set stands in for a damaged one.
core::Batch read_samples(const data::ShardSet& shards, std::span<const int64_t> ids, int64_t size,
                         data::OnCorrupt on_corrupt = data::OnCorrupt::kStop);
// The samples [first, first + count).
core::Batch read_range(const data::ShardSet& shards, int64_t first, int64_t count, int64_t size,
                       data::OnCorrupt on_corrupt = data::OnCorrupt::kStop);

// The same of any source; each sample is compared with its digest where it has one.
core::Batch read_range(const data::SampleSource& source, int64_t first, int64_t count,
                       int64_t size);

}  // namespace bbg::feed
