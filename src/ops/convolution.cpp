#include "ops/convolution.h"

#include <ATen/ATen.h>

#include "ops/resample.h"
#include "ops/tensor_layout.h"

namespace bbg::ops::plain {

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    const Convolution& shape) {
  if (x.is_cpu() && weight.size(-1) == 1 && shape.padding == 0 && shape.stride > 1) {
    // The positions that count are picked here. oneDNN picks them too, but its gradient of the
    // weight (jit_1x1 in float32, channels-last, fewer than 16 channels) writes behind its buffer.
    const at::Tensor picked =
        channels_last(x.slice(2, 0, x.size(2), shape.stride).slice(3, 0, x.size(3), shape.stride));
    return convolve(picked, weight, bias, {.groups = shape.groups});
  }
  return at::conv2d(x, weight, bias, shape.stride, shape.padding, 1, shape.groups);
}

at::Tensor convolve_transposed(const at::Tensor& x, const at::Tensor& weight,
                               const at::Tensor& bias, const TransposedConvolution& shape) {
  return at::conv_transpose2d(x, weight, bias, 2, shape.padding, shape.output_padding);
}

at::Tensor apply_epilogue(at::Tensor y, const Epilogue& epilogue) {
  if (epilogue.skip.defined()) {
    y = y.add_(epilogue.is_upsampled ? upsample_nearest(epilogue.skip) : epilogue.skip);
  }
  return epilogue.relu ? y.relu_() : y;
}

}  // namespace bbg::ops::plain
