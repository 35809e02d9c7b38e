#pragma once
// Convolutions of images, the bias and the epilogue that follow them, by ATen's functions. Other
// implementations of ops.h fall back on these.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace bbg::ops {

struct Convolution {
  int64_t stride = 1, padding = 0, groups = 1;
};

// A transposed convolution of stride 2.
struct TransposedConvolution {
  int64_t padding, output_padding = 0;
};

// The work on the output of a convolution, in the pass that adds its bias: first skip is added,
// which is [N, C, H, W] as the output or, to be upsampled, half as high and wide.
struct Epilogue {
  at::Tensor skip = {};
  bool is_upsampled = false;
  bool relu = false;
};

namespace plain {

// All are differentiable. bias: [C] or undefined.
at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    const Convolution& shape);
at::Tensor convolve_transposed(const at::Tensor& x, const at::Tensor& weight,
                               const at::Tensor& bias, const TransposedConvolution& shape);
// In place on a `y` that nobody else needs.
at::Tensor apply_epilogue(at::Tensor y, const Epilogue& epilogue);

}  // namespace plain

}  // namespace bbg::ops
