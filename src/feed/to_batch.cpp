#include "feed/to_batch.h"

namespace bbg::feed {

std::unique_ptr<ToBatch> make_to_batch(const at::TensorOptions& options) {
  return options.device().is_cpu() ? make_to_cpu_batch(options) : make_to_gpu_batch(options);
}

data::Allocate allocator_for(at::Device device) {
  if (device.is_cpu()) return data::allocate_pages;
  return [](int64_t bytes) {
    const at::Tensor memory =
        at::empty({bytes}, at::TensorOptions().dtype(at::kByte).pinned_memory(true));
    return std::shared_ptr<uint8_t>(memory.mutable_data_ptr<uint8_t>(), [memory](uint8_t*) {});
  };
}

}  // namespace bbg::feed
