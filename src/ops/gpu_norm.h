#pragma once
// Batch norm with gain, bias and ReLU on a GPU, and the epilogue of a convolution
// (kernels/norm.cu): each pass reads its inputs and writes its output once. Definitions are those
// of ops.h. float32, float64 and bfloat16; tensors are channels-last, others are brought there.
// Sums are taken in an order that depends on the shape alone.

#include "ops/convolution.h"
#include "ops/kernel_program.h"
#include "ops/norm.h"

namespace bbg::ops {

class NormKernels {
 public:
  explicit NormKernels(MakeKernelProgram make);

  // Whether the passes are for x: its type, shape and size.
  static bool takes(const at::Tensor& x);

  // This rank's [2C + 1]: mean, biased variance, count.
  at::Tensor moments(const at::Tensor& x);
  // The moments of all ranks, [ranks, 2C + 1], in one.
  NormStatistics merge(const at::Tensor& all, double eps, const RunningStatistics& running);

  at::Tensor forward(const at::Tensor& x, const NormTerms& terms);

  NormGradientSums gradient_sums(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms);
  // sums: those of all ranks.
  at::Tensor gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                            const at::Tensor& sums, const at::Tensor& count);

  // In place: x + bias + epilogue.skip, as `epilogue` says. x: [N, C, H, W], channels-last; bias:
  // [C], and both like skip of x's type. No autograd.
  void add_epilogue(const at::Tensor& x, const at::Tensor& bias, const Epilogue& epilogue);

 private:
  const KernelProgram& program_for(const at::Tensor& x, int64_t width);

  KernelPrograms programs_;
};

// NormKernels::add_epilogue() on a `y` that nobody else needs, differentiable; `kernels` live until
// backward is over.
at::Tensor apply_epilogue(NormKernels& kernels, const at::Tensor& y, const at::Tensor& bias,
                          const Epilogue& epilogue);

}  // namespace bbg::ops
