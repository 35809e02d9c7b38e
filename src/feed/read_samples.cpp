#include "feed/read_samples.h"

#include <ATen/Parallel.h>

#include <numeric>
#include <vector>

#include "data/replacement.h"
#include "data/retry.h"
#include "data/sample_builder.h"
#include "feed/planes.h"

namespace bbg::feed {

namespace {

// One thread's.
class Reader {
 public:
  Reader(const data::SampleSource& source, data::Check check, int64_t size,
         data::OnCorrupt on_corrupt, const View& view)
      : source_(source),
        check_(check),
        draw_(view.draw),
        area_(size * size),
        on_corrupt_(on_corrupt),
        builder_(source, {.augment = view.augment, .flip = view.flip, .size = size}, view.seed),
        pixels_(static_cast<size_t>(area_ * source.channels())) {}

  void read(int64_t id, const core::Batch& batch, int64_t row) {
    data::read_or_replace(on_corrupt_, source_.size(), [&](int64_t i) {
      const int64_t taken = (id + i) % source_.size();
      data::with_retries([&] { read_one(taken, batch, row); });
    });
  }

 private:
  void read_one(int64_t id, const core::Batch& batch, int64_t row) {
    builder_.build(id, draw_, id, check_, pixels_);
    batch.labels.mutable_data_ptr<int64_t>()[row] = source_.label(id);
    batch.sample_ids.mutable_data_ptr<int64_t>()[row] = id;
    to_planes(pixels_.data(), area_, source_.channels(),
              batch.images.mutable_data_ptr<float>() + row * std::ssize(pixels_));
  }

  const data::SampleSource& source_;
  const data::Check check_;
  const int64_t draw_, area_;
  const data::OnCorrupt on_corrupt_;
  data::SampleBuilder builder_;
  std::vector<uint8_t> pixels_;
};

core::Batch read(const data::SampleSource& source, data::Check check, std::span<const int64_t> ids,
                 int64_t size, data::OnCorrupt on_corrupt, const View& view) {
  const int64_t count = std::ssize(ids);
  const core::Batch batch{.images = at::empty({count, source.channels(), size, size}, at::kFloat),
                          .labels = at::empty({count}, at::kLong),
                          .sample_ids = at::empty({count}, at::kLong)};
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    Reader reader(source, check, size, on_corrupt, view);
    for (int64_t i = begin; i < end; ++i) reader.read(ids[static_cast<size_t>(i)], batch, i);
  });
  return batch;
}

std::vector<int64_t> range(int64_t first, int64_t count) {
  std::vector<int64_t> ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

}  // namespace

core::Batch read_samples(const data::ShardSet& shards, std::span<const int64_t> ids, int64_t size,
                         data::OnCorrupt on_corrupt, const View& view) {
  return read(*shards.source(), shards.check(), ids, size, on_corrupt, view);
}

core::Batch read_range(const data::ShardSet& shards, int64_t first, int64_t count, int64_t size,
                       data::OnCorrupt on_corrupt, const View& view) {
  return read_samples(shards, range(first, count), size, on_corrupt, view);
}

core::Batch read_range(const data::SampleSource& source, int64_t first, int64_t count,
                       int64_t size) {
  return read(source, data::Check::kVerify, range(first, count), size, data::OnCorrupt::kStop, {});
}

}  // namespace bbg::feed
