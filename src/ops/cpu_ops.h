#pragma once
// The CPU's: the passes of batch norm are loops of our own (cpu_norm.h), and a transposed
// convolution sums its bias's gradient itself. Without state.

#include "ops/plain_ops.h"

namespace bbg::ops {

class CpuOps final : public Ops {
 public:
  at::Tensor norm_moments(const at::Tensor& x) override;
  NormStatistics merge_norm_moments(const at::Tensor& all, double eps,
                                    const RunningStatistics& running) override;
  at::Tensor norm_forward(const at::Tensor& x, const NormTerms& terms) override;
  NormGradientSums norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                      const NormTerms& terms) override;
  at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                                 const at::Tensor& sums, const at::Tensor& count) override;
  void iterate(SpectralWeights& weights, double eps, bool move) override;
  at::Tensor effective_weight(const at::Tensor& weight, const PowerIteration& iteration,
                              Resample resample, at::ScalarType type) override;
  at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const Convolution& shape, const Epilogue& epilogue) override;
  at::Tensor convolve_transposed(const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& bias, const TransposedConvolution& shape,
                                 const Epilogue& epilogue) override;

 private:
  PlainOps plain_;
};

}  // namespace bbg::ops
