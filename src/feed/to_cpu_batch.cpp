#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "feed/planes.h"
#include "feed/to_batch.h"

namespace bbg::feed {

namespace {

class ToCpuBatch final : public ToBatch {
 public:
  explicit ToCpuBatch(const at::TensorOptions& options) : options_(options) {}

  core::Batch operator()(data::Lease lease) override {
    const data::LoadedBatch& from = *lease;
    const at::Tensor images = free_images({from.count, from.channels, from.size, from.size});
    const int64_t area = from.size * from.size, values = area * from.channels;
    float* planes = images.mutable_data_ptr<float>();
    const uint8_t* pixels = from.pixels().data();
    at::parallel_for(0, from.count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        to_planes(pixels + i * values, area, from.channels, planes + i * values);
      }
    });
    return {.images = images.to(options_),
            .labels = at::tensor(from.labels, at::kLong),
            .sample_ids = at::tensor(from.sample_ids, at::kLong)};
  }

 private:
  // Fresh pages cost more than what is written to them.
  at::Tensor free_images(at::IntArrayRef shape) {
    const auto is_free = [&](const at::Tensor& kept) {
      return kept.storage().use_count() == 1 && kept.sizes() == shape;
    };
    auto found = std::find_if(kept_.begin(), kept_.end(), is_free);
    if (found == kept_.end()) {
      found = kept_.insert(kept_.end(), at::empty(shape, at::kFloat));
    }
    return found->alias();
  }

  at::TensorOptions options_;
  std::vector<at::Tensor> kept_;
};

}  // namespace

std::unique_ptr<ToBatch> make_to_cpu_batch(const at::TensorOptions& options) {
  return std::make_unique<ToCpuBatch>(options);
}

}  // namespace bbg::feed
