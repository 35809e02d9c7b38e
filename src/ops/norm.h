#pragma once
// Batch norm with gain, bias and ReLU in one: the values that its passes over data take and leave
// (ops.h). x: [N, C] or [N, C, H, W]. Where x, and with it y and gradients of x and y, is bfloat16,
// everything else is float32, and so is the arithmetic.

#include <ATen/core/Tensor.h>

namespace bbg::ops {

struct NormTerms {
  at::Tensor mean, inverse;  // [C], inverse = 1 / sqrt(var + eps)
  at::Tensor gain, bias;     // [C], [N, C], or undefined for 1 and 0
  bool relu = false;
};

// Over the samples of all ranks.
struct NormStatistics {
  at::Tensor mean, variance;  // [C]
  at::Tensor inverse;         // [C], 1 / sqrt(variance + eps)
  at::Tensor count;           // samples times positions: a scalar, on the device
};

// Moves to what is normalised: mean, and the unbiased variance. Undefined: none.
struct RunningStatistics {
  at::Tensor mean, variance;  // [C]
  double momentum = 0;
};

// With g the gradient of y (0 where ReLU cut it) and n = (x - mean) inverse.
struct NormGradientSums {
  at::Tensor of_gain, of_bias;  // as the terms, this rank's share; undefined where those are
  at::Tensor sums;              // [2, C]: gain g and gain g n, over samples and positions
};

}  // namespace bbg::ops
