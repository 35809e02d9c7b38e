#pragma once
// What layers and the kernels of a GPU that work for them speak of.

#include <ATen/core/Tensor.h>

namespace bbg::model {

// What stands beside a 3x3 convolution of stride 1 and is computed in one with it: exact, and 2.25
// times fewer multiplications.
enum class Resample {
  kNone,
  kUpsampleBefore,  // nearest neighbour x2: together a transposed 4x4 convolution of stride 2
  kPoolAfter,       // mean of 2x2: together a 4x4 convolution of stride 2
};

// What is done to the output of a convolution, in the pass that adds its bias: first skip is added,
// which is [N, C, H, W] as the output or, to be upsampled, half as high and wide.
struct After {
  at::Tensor skip = {};
  bool is_upsampled = false;
  bool relu = false;
};

}  // namespace bbg::model
