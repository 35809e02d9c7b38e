#include "ops/plain_ops.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "ops/plain_norm.h"

namespace bbg::ops {

at::Tensor PlainOps::norm_moments(const at::Tensor& x) {
  return plain::pack_moments(plain::channel_moments(x), x);
}

NormStatistics PlainOps::merge_norm_moments(const at::Tensor& all, double eps,
                                            const RunningStatistics& running) {
  return plain::merge_moments(all, eps, running);
}

at::Tensor PlainOps::norm_forward(const at::Tensor& x, const NormTerms& terms) {
  return plain::norm_forward(x, terms);
}

NormGradientSums PlainOps::norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                              const NormTerms& terms) {
  return plain::sum_over_samples(plain::norm_gradient_sums(x, g, terms), terms);
}

at::Tensor PlainOps::norm_gradient_input(const at::Tensor& x, const at::Tensor& g,
                                         const NormTerms& terms, const at::Tensor& sums,
                                         const at::Tensor& count) {
  const at::Tensor means = sums / count;
  return plain::norm_gradient_input(x, g, terms, means[0], means[1]);
}

void PlainOps::iterate(SpectralWeights& weights, double eps, bool move) {
  const at::NoGradGuard no_grad;
  for (const auto& weight : weights.all) {
    weight->iteration = ops::iterate(weight->raw, weight->u, eps);
    if (move) weight->u.copy_(weight->iteration.u);
  }
}

at::Tensor PlainOps::effective_weight(const at::Tensor& weight, const PowerIteration& iteration,
                                      Resample resample, at::ScalarType type) {
  const at::Tensor divided =
      iteration.sigma.defined() ? divided_by_norm(weight, iteration) : weight;
  return fold_resampling(divided, resample).to(type);
}

at::Tensor PlainOps::convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const Convolution& shape, const Epilogue& epilogue) {
  return plain::apply_epilogue(plain::convolve(x, weight, bias, shape), epilogue);
}

at::Tensor PlainOps::convolve_transposed(const at::Tensor& x, const at::Tensor& weight,
                                         const at::Tensor& bias, const TransposedConvolution& shape,
                                         const Epilogue& epilogue) {
  return plain::apply_epilogue(plain::convolve_transposed(x, weight, bias, shape), epilogue);
}

}  // namespace bbg::ops
