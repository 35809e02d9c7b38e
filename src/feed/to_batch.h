#pragma once
// Makes lent pixels into tensors where a network computes: images [b, C, S, S] in [-1, 1]
// (x / 127.5 - 1 in float32, then the type of the options), labels [b] int64, and on the CPU sample
// ids [b] int64. One thread.
//
// On a GPU the lease is kept until its pixels are copied, which happens beside the computing: on a
// stream of its own, from page-locked memory. The stream that is current computes after it. What is
// returned may be used on that stream alone.

#include <ATen/ATen.h>

#include <memory>

#include "core/types.h"
#include "data/loaded_batch.h"

namespace bbg::feed {

class ToBatch {
 public:
  virtual ~ToBatch() = default;
  virtual core::Batch operator()(data::Lease lease) = 0;
};

// The memory of images is used again once nobody holds them or a view of them.
std::unique_ptr<ToBatch> make_to_cpu_batch(const at::TensorOptions& options);
std::unique_ptr<ToBatch> make_to_gpu_batch(const at::TensorOptions& options);
// The one for the device of `options`.
std::unique_ptr<ToBatch> make_to_batch(const at::TensorOptions& options);

// Memory for a loader whose batches go to that device: page-locked for a GPU.
data::Allocate allocator_for(at::Device device);

}  // namespace bbg::feed
