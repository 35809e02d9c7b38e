#pragma once
// The memory layout and the type in which layers hand tensors on.

#include <ATen/core/Tensor.h>

namespace bbg::ops {

// A layer's output in float32 where it is in bfloat16: images, features, what is summed up.
inline at::Tensor in_full(const at::Tensor& x) {
  return x.scalar_type() == at::kBFloat16 ? x.to(at::kFloat) : x;
}

// [N, C, H, W] in the layout in which convolutions are fastest, which what follows keeps; [N, C]
// contiguous.
inline at::Tensor channels_last(const at::Tensor& x) {
  return x.contiguous(x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

}  // namespace bbg::ops
