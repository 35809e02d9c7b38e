#pragma once
// A batch as a loader lends it: this rank's slice of one global batch, in memory that is used again
// for another once it is given back.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace bbg::data {

// Takes memory that is to hold pixels, and says with its last owner how it is given up. Called by
// the loader's threads, one at a time.
using Allocate = std::function<std::shared_ptr<uint8_t>(int64_t bytes)>;

// Pages of the process; large ones where the system has them.
std::shared_ptr<uint8_t> allocate_pages(int64_t bytes);

struct LoadedBatch {
  int64_t draw = 0;
  int64_t count = 0, size = 0, channels = 0;
  std::shared_ptr<uint8_t> memory;          // [count, size, size, channels], shared: see Allocate
  std::vector<int64_t> labels, sample_ids;  // [count]; labels are -1 where there is none

  int64_t sample_bytes() const { return size * size * channels; }
  std::span<const uint8_t> pixels() const {
    return {memory.get(), static_cast<size_t>(count * sample_bytes())};
  }
};

// Whoever holds it may read the batch. With its last copy the memory goes back to the loader.
using Lease = std::shared_ptr<const LoadedBatch>;

}  // namespace bbg::data
