#pragma once
// The passes of norm_kernels.h on a GPU (kernels/norm.cu), each reading its inputs and writing its
// output once, and what follows a convolution. float32, float64 and bfloat16; tensors are
// channels-last, others are brought there. Sums are taken in an order that depends on the shape
// alone.

#include "model/kernel_program.h"
#include "model/norm_kernels.h"
#include "model/resample.h"

namespace bbg::model {

class NormKernels {
 public:
  explicit NormKernels(MakeKernelProgram make);

  std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& x);
  at::Tensor norm_forward(const at::Tensor& x, const NormTerms& terms);
  std::pair<at::Tensor, at::Tensor> norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                                       const NormTerms& terms);
  at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                                 const at::Tensor& mean_g, const at::Tensor& mean_gn);

  // In place: x + bias + after.skip, as `after` says. x: [N, C, H, W], channels-last; bias: [C],
  // and both like skip of x's type. No autograd.
  void end_convolution(const at::Tensor& x, const at::Tensor& bias, const After& after);

 private:
  const KernelProgram& program_for(const at::Tensor& x, int64_t width);

  KernelPrograms programs_;
};

// end_convolution() of a `y` that nobody else needs, differentiable; the kernels live until
// backward is over.
at::Tensor ended_by(NormKernels& kernels, const at::Tensor& y, const at::Tensor& bias,
                    const After& after);

namespace cuda {

// Whether norm_kernels() take x; without BBG_CUDA they take nothing.
bool has_kernel(const at::Tensor& x);
NormKernels& norm_kernels();

}  // namespace cuda

}  // namespace bbg::model
