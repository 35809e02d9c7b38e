#pragma once
// Batch norm by ATen's functions: the oracle of the tests, and what other implementations of ops.h
// fall back on. Definitions are those of ops.h. norm_forward() is differentiable.

#include <utility>

#include "ops/norm.h"

namespace bbg::ops::plain {

// Mean and biased variance of each channel, [C] and [C].
std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& x);
// Those in the form of Ops::norm_moments(), [2C + 1].
at::Tensor pack_moments(const std::pair<at::Tensor, at::Tensor>& moments, const at::Tensor& x);
NormStatistics merge_moments(const at::Tensor& all, double eps, const RunningStatistics& running);

at::Tensor norm_forward(const at::Tensor& x, const NormTerms& terms);

// Over the positions of each sample: sum g and sum g n, both [N, C].
std::pair<at::Tensor, at::Tensor> norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                                     const NormTerms& terms);
// Those in the form of Ops::norm_gradient_sums().
NormGradientSums sum_over_samples(const std::pair<at::Tensor, at::Tensor>& sums,
                                  const NormTerms& terms);
// mean_g, mean_gn: [C], the means of gain g and gain g n.
at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                               const at::Tensor& mean_g, const at::Tensor& mean_gn);

// Biased -> unbiased. count is on the device: nothing here waits for it.
at::Tensor unbiased(const at::Tensor& variance, const at::Tensor& count);

}  // namespace bbg::ops::plain
