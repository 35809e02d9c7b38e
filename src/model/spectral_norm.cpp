#include "model/spectral_norm.h"

#include <ATen/core/grad_mode.h>

namespace bbg::model {

namespace {

at::Tensor normalise(const at::Tensor& x, double eps) { return x / x.norm().clamp_min(eps); }

at::Tensor rows(const at::Tensor& weight) { return weight.reshape({weight.size(0), -1}); }

}  // namespace

PowerIteration iterate(const at::Tensor& weight, const at::Tensor& u, double eps) {
  const at::NoGradGuard no_grad;
  const at::Tensor matrix = rows(weight);
  const at::Tensor v = normalise(at::mv(matrix.t(), u), eps);
  return {v, normalise(at::mv(matrix, v), eps)};
}

at::Tensor singular_value(const at::Tensor& weight, const PowerIteration& iteration) {
  return at::dot(iteration.u, at::mv(rows(weight), iteration.v));
}

SpectralResult spectral_norm(const at::Tensor& weight, const at::Tensor& u, double eps) {
  const PowerIteration iteration = iterate(weight, u, eps);
  const at::Tensor sigma = singular_value(weight, iteration);
  return {weight / sigma, iteration.u, sigma.detach()};
}

}  // namespace bbg::model
