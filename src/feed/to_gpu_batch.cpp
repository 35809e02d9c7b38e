#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <array>
#include <utility>

#include "feed/to_batch.h"

namespace bbg::feed {

namespace {

// Pixels on their way: bytes on the GPU, and who is done with them.
struct Crossing {
  explicit Crossing(c10::DeviceType type) : copied(type), used(type) {}
  data::Lease lease;        // until `copied`
  at::Tensor bytes;         // [b, S, S, C] uint8
  c10::Event copied, used;  // on the copying stream, on the computing stream
  bool is_under_way = false;
};

class ToGpuBatch final : public ToBatch {
 public:
  explicit ToGpuBatch(const at::TensorOptions& options)
      : options_(options),
        streams_(options.device().type()),
        copying_(streams_.getStreamFromGlobalPool(options.device())),
        half_range_(at::full({}, 127.5f, options.dtype(at::kFloat))),
        crossings_{Crossing(options.device().type()), Crossing(options.device().type())} {}

  ~ToGpuBatch() override {
    for (Crossing& crossing : crossings_) {
      if (crossing.is_under_way) crossing.copied.synchronize();
    }
  }

  core::Batch operator()(data::Lease lease) override {
    for (Crossing& one : crossings_) {
      if (one.is_under_way && one.copied.query()) one.lease.reset();
    }
    Crossing& crossing = crossings_[turn_++ % crossings_.size()];
    core::Batch batch{.images = {},
                      .labels = to_device(lease->labels),
                      .sample_ids = at::tensor(lease->sample_ids, at::kLong)};
    copy(std::move(lease), crossing);
    const c10::Stream computing = streams_.getStream(options_.device());
    crossing.copied.block(computing);
    const at::Tensor planes = crossing.bytes.permute({0, 3, 1, 2});
    // The divisor lies on the GPU: by a number of the host it would multiply with the inverse.
    batch.images = at::empty(planes.sizes(), options_.dtype(at::kFloat))
                       .copy_(planes)
                       .div_(half_range_)
                       .sub_(1)
                       .to(options_.dtype());
    crossing.used.record(computing);
    return batch;
  }

 private:
  void copy(data::Lease lease, Crossing& crossing) {
    const at::Tensor from = at::from_blob(const_cast<uint8_t*>(lease->pixels().data()),
                                          {lease->count, lease->size, lease->size, lease->channels},
                                          at::TensorOptions().dtype(at::kByte));
    if (crossing.is_under_way) crossing.copied.synchronize();  // two batches ago
    if (!crossing.bytes.defined()) {
      crossing.bytes = at::empty(from.sizes(), options_.dtype(at::kByte));
      crossing.used.record(streams_.getStream(options_.device()));
    }
    crossing.used.block(copying_);
    {
      const c10::StreamGuard on_copying(copying_);
      crossing.bytes.copy_(from, /*non_blocking=*/true);
      crossing.copied.record(copying_);
    }
    crossing.lease = std::move(lease);
    crossing.is_under_way = true;
  }

  at::Tensor to_device(const std::vector<int64_t>& values) const {
    return at::tensor(values, at::kLong).pin_memory().to(options_.device(), at::kLong, true);
  }

  at::TensorOptions options_;
  c10::impl::VirtualGuardImpl streams_;
  c10::Stream copying_;
  at::Tensor half_range_;
  std::array<Crossing, 2> crossings_;
  size_t turn_ = 0;
};

}  // namespace

std::unique_ptr<ToBatch> make_to_gpu_batch(const at::TensorOptions& options) {
  return std::make_unique<ToGpuBatch>(options);
}

}  // namespace bbg::feed
