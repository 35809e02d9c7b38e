#include "ops/resample.h"

#include <ATen/ATen.h>

namespace bbg::ops {

namespace {

// Along both last dimensions the sum of the kernel and of itself one further: 3x3 -> 4x4.
at::Tensor with_shifted(const at::Tensor& weight) {
  const at::Tensor wide =
      at::constant_pad_nd(weight, {0, 1, 0, 0}) + at::constant_pad_nd(weight, {1, 0, 0, 0});
  return at::constant_pad_nd(wide, {0, 0, 0, 1}) + at::constant_pad_nd(wide, {0, 0, 1, 0});
}

}  // namespace

// Each output of the convolution after nearest x2 reads each input through one or two taps a side;
// a transposed convolution runs over its kernel backwards.
at::Tensor upsampling_kernel(const at::Tensor& weight) {
  return with_shifted(weight).flip({2, 3}).transpose(0, 1).contiguous();
}

at::Tensor pooling_kernel(const at::Tensor& weight) { return with_shifted(weight) / 4; }

at::Tensor fold_resampling(const at::Tensor& weight, Resample resample) {
  switch (resample) {
    case Resample::kUpsampleBefore:
      return upsampling_kernel(weight);
    case Resample::kPoolAfter:
      return pooling_kernel(weight);
    case Resample::kNone:
      break;
  }
  return weight;
}

at::Tensor upsample_nearest(const at::Tensor& x) {
  return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
}

at::Tensor average_pool(const at::Tensor& x) { return at::avg_pool2d(x, 2); }

}  // namespace bbg::ops
