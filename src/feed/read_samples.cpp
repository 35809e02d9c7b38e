#include "feed/read_samples.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "data/sample_builder.h"
#include "feed/planes.h"

namespace bbg::feed {

namespace {

constexpr int64_t kMostReplacements = 100;  // in a row

// One thread's.
class Reader {
 public:
  Reader(const data::ShardSet& shards, int64_t size, data::OnCorrupt on_corrupt)
      : shards_(shards),
        area_(size * size),
        attempts_(
            on_corrupt == data::OnCorrupt::kStop ? 1 : std::min(kMostReplacements, shards.size())),
        builder_(*shards.source(), {.size = size}, 0),
        pixels_(static_cast<size_t>(area_ * shards.channels())) {}

  void read(int64_t id, const core::Batch& batch, int64_t row) {
    for (int64_t i = 0;; ++i) {
      try {
        return read_one((id + i) % shards_.size(), batch, row);
      } catch (const core::UsageError&) {
        if (i + 1 == attempts_) throw;
      }
    }
  }

 private:
  void read_one(int64_t id, const core::Batch& batch, int64_t row) {
    builder_.build(id, 0, 0, shards_.check(), pixels_);
    batch.labels.mutable_data_ptr<int64_t>()[row] = shards_.label(id);
    batch.sample_ids.mutable_data_ptr<int64_t>()[row] = id;
    to_planes(pixels_.data(), area_, shards_.channels(),
              batch.images.mutable_data_ptr<float>() + row * std::ssize(pixels_));
  }

  const data::ShardSet& shards_;
  const int64_t area_, attempts_;
  data::SampleBuilder builder_;
  std::vector<uint8_t> pixels_;
};

}  // namespace

core::Batch read_samples(const data::ShardSet& shards, std::span<const int64_t> ids, int64_t size,
                         data::OnCorrupt on_corrupt) {
  const int64_t count = std::ssize(ids);
  const core::Batch batch{.images = at::empty({count, shards.channels(), size, size}, at::kFloat),
                          .labels = at::empty({count}, at::kLong),
                          .sample_ids = at::empty({count}, at::kLong)};
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    Reader reader(shards, size, on_corrupt);
    for (int64_t i = begin; i < end; ++i) reader.read(ids[static_cast<size_t>(i)], batch, i);
  });
  return batch;
}

core::Batch read_range(const data::ShardSet& shards, int64_t first, int64_t count, int64_t size,
                       data::OnCorrupt on_corrupt) {
  std::vector<int64_t> ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return read_samples(shards, ids, size, on_corrupt);
}

}  // namespace bbg::feed
