#pragma once
// The work on weights of a GPU's sub-step in few kernels (kernels/weights.cu): all power iterations
// of a network at a time, and what a layer reads of a weight in one pass, as its gradient's way
// back. float32 and float64; float32 may become bfloat16. Sums are taken in an order that depends
// on shapes alone.

#include "ops/kernel_program.h"
#include "ops/resample.h"
#include "ops/spectral_norm.h"

namespace bbg::ops {

class WeightKernels {
 public:
  explicit WeightKernels(MakeKernelProgram make);

  // One iteration of each (spectral_norm.h), without a graph. move: their u become the new ones.
  void iterate(SpectralWeights& weights, double eps, bool move);

  // weight / sigma, in the form that the layer reads, in `type` and channels-last; sigma may be
  // undefined, for 1. weight: [out, in] or [out, in, k, k], one that they take. No autograd.
  at::Tensor make_effective(const at::Tensor& weight, const at::Tensor& sigma, Resample resample,
                            at::ScalarType type);

  // The gradient of `weight` from that of what make_effective() made; iteration: what sigma came
  // from, its tensors undefined without spectral norm.
  at::Tensor gradient(const at::Tensor& of_effective, const at::Tensor& weight,
                      const PowerIteration& iteration, Resample resample);

  static bool takes(const at::Tensor& weight, Resample resample);

 private:
  KernelPrograms programs_;
};

// make_effective(), differentiable in `weight`; `kernels` live until backward is over.
at::Tensor effective_weight(WeightKernels& kernels, const at::Tensor& weight,
                            const PowerIteration& iteration, Resample resample,
                            at::ScalarType type);

}  // namespace bbg::ops
