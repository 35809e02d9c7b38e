#include "model/spectral_norm.h"

#include <ATen/core/grad_mode.h>

namespace bbg::model {

namespace {

at::Tensor normalise(const at::Tensor& x, double eps) { return x / x.norm().clamp_min(eps); }

}  // namespace

SpectralResult spectral_norm(const at::Tensor& weight, const at::Tensor& u, double eps) {
  const at::Tensor matrix = weight.reshape({weight.size(0), -1});
  at::Tensor v, next_u;
  {
    const at::NoGradGuard no_grad;
    v = normalise(at::mv(matrix.t(), u), eps);
    next_u = normalise(at::mv(matrix, v), eps);
  }
  const at::Tensor sigma = at::dot(next_u, at::mv(matrix, v));
  return {weight / sigma, next_u, sigma.detach()};
}

}  // namespace bbg::model
