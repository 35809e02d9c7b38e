#pragma once
// A GPU's: kernels for batch norm, weights and what follows a convolution (gpu_norm.h,
// gpu_weights.h), made at their first use.

#include "ops/gpu_norm.h"
#include "ops/gpu_weights.h"
#include "ops/plain_ops.h"

namespace bbg::ops {

class GpuOps final : public Ops {
 public:
  // has_bfloat16: whether kernels of `make` can compute with bfloat16.
  GpuOps(MakeKernelProgram make, bool has_bfloat16);

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
  bool takes(const at::Tensor& x) const;  // for the passes over data
  // The convolution without its bias, then bias and epilogue in one pass. libtorch would add the
  // bias in a slow one.
  template <class Convolve>
  at::Tensor with_epilogue(const at::Tensor& x, const at::Tensor& bias, const Epilogue& epilogue,
                           Convolve convolve);

  bool has_bfloat16_;
  PlainOps plain_;
  NormKernels norm_;
  WeightKernels weights_;
};

}  // namespace bbg::ops
