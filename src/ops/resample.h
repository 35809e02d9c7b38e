#pragma once
// Resampling beside a convolution, alone and folded into its kernel.

#include <ATen/core/Tensor.h>

namespace bbg::ops {

// Resampling beside a 3x3 convolution of stride 1, computed in one with it: exact, and 2.25 times
// fewer multiplications.
enum class Resample {
  kNone,
  kUpsampleBefore,  // nearest neighbour x2: together a transposed 4x4 convolution of stride 2
  kPoolAfter,       // mean of 2x2: together a 4x4 convolution of stride 2
};

// [out, in, 3, 3] -> the kernel of the two in one, [in, out, 4, 4] and [out, in, 4, 4].
at::Tensor upsampling_kernel(const at::Tensor& weight);
at::Tensor pooling_kernel(const at::Tensor& weight);
// The kernel that a layer reads of a weight, one of these or the weight itself; differentiable.
at::Tensor fold_resampling(const at::Tensor& weight, Resample resample);

at::Tensor upsample_nearest(const at::Tensor& x);  // doubles the size
at::Tensor average_pool(const at::Tensor& x);      // halves the size

}  // namespace bbg::ops
