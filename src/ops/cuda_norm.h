#pragma once
// Batch norm with gain, bias and ReLU on a GPU (kernels/norm.cu), and what follows a convolution:
// each pass reads its inputs and writes its output once. Terms are as in norm_kernels.h. float32,
// float64 and bfloat16; tensors are channels-last, others are brought there. Sums are taken in an
// order that depends on the shape alone.

#include "ops/kernel_program.h"
#include "ops/norm_kernels.h"
#include "ops/resample.h"

namespace bbg::ops {

class NormKernels {
 public:
  explicit NormKernels(MakeKernelProgram make);

  // This rank's [2C + 1]: mean, biased variance, count.
  at::Tensor moments(const at::Tensor& x);
  // From those of all ranks, [ranks, 2C + 1].
  NormStatistics merge(const at::Tensor& all, double eps, const RunningStatistics& running);

  at::Tensor forward(const at::Tensor& x, const NormTerms& terms);

  NormGradientSums gradient_sums(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms);
  // sums: those of all ranks.
  at::Tensor gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                            const at::Tensor& sums, const at::Tensor& count);

  // In place: x + bias + epilogue.skip, as `epilogue` says. x: [N, C, H, W], channels-last; bias:
  // [C], and both like skip of x's type. No autograd.
  void end_convolution(const at::Tensor& x, const at::Tensor& bias, const Epilogue& epilogue);

 private:
  const KernelProgram& program_for(const at::Tensor& x, int64_t width);

  KernelPrograms programs_;
};

// end_convolution() of a `y` that nobody else needs, differentiable.
at::Tensor ended_by(NormKernels& kernels, const at::Tensor& y, const at::Tensor& bias,
                    const Epilogue& epilogue);

namespace cuda {

// Whether norm_kernels() take x; without BBG_CUDA they take nothing.
bool has_kernel(const at::Tensor& x);
NormKernels& norm_kernels();

}  // namespace cuda

}  // namespace bbg::ops
