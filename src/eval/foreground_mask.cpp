#include "eval/foreground_mask.h"

namespace bbg::eval {

at::Tensor brightness(const at::Tensor& images) {
  if (images.size(1) != 3) return images.mean(1);
  const at::Tensor weights = at::tensor({0.2989, 0.587, 0.114}, images.options());
  return (images * weights.view({1, 3, 1, 1})).sum(1);
}

at::Tensor foreground_mask(const at::Tensor& images, const at::Tensor& moved, MaskRule rule) {
  const at::Tensor after = brightness(moved);
  const at::Tensor border = rule == MaskRule::kMean ? after.mean({1, 2}, true) : brightness(images);
  return after.gt(border);
}

}  // namespace bbg::eval
