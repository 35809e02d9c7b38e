#pragma once
// What layers and the kernels of a GPU that work for them speak of.

#include <ATen/core/Tensor.h>

namespace bbg::ops {

// What stands beside a 3x3 convolution of stride 1 and is computed in one with it: exact, and 2.25
// times fewer multiplications.
enum class Resample {
  kNone,
  kUpsampleBefore,  // nearest neighbour x2: together a transposed 4x4 convolution of stride 2
  kPoolAfter,       // mean of 2x2: together a 4x4 convolution of stride 2
};

// What is done to the output of a convolution, in the pass that adds its bias: first skip is added,
// which is [N, C, H, W] as the output or, to be upsampled, half as high and wide.
struct Epilogue {
  at::Tensor skip = {};
  bool is_upsampled = false;
  bool relu = false;
};

// [out, in, 3, 3] -> the kernel of the two in one, [in, out, 4, 4] and [out, in, 4, 4].
at::Tensor upsampling_kernel(const at::Tensor& weight);
at::Tensor pooling_kernel(const at::Tensor& weight);
// The kernel that a layer reads of a weight, one of these or the weight itself; differentiable.
at::Tensor fold_resampling(const at::Tensor& weight, Resample resample);

at::Tensor upsample_nearest(const at::Tensor& x);  // doubles the size
at::Tensor average_pool(const at::Tensor& x);      // halves the size

}  // namespace bbg::ops
