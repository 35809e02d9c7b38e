#include "eval/squared_distances.h"

namespace bbg::eval {

at::Tensor squared_distances(const at::Tensor& x, const at::Tensor& y) {
  const at::Tensor less = at::addmm(y.square().sum(1), x, y.t(), 1, -2);
  return (less + x.square().sum(1, /*keepdim=*/true)).clamp_min(0);
}

}  // namespace bbg::eval
