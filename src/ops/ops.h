#pragma once
// The arithmetic of the layers, as the device computes it best. One object serves all networks of a
// run, which must not outlive it, nor must a graph of autograd that it made. All threads may use
// it. Results of the implementations differ by rounding alone; tensors that an implementation has
// no kernel for take ATen's functions inside it. Sums are taken in an order that depends on shapes
// alone, never on the number of threads.

#include <memory>

#include "ops/convolution.h"
#include "ops/norm.h"
#include "ops/resample.h"
#include "ops/spectral_norm.h"

namespace bbg::ops {

class Ops {
 public:
  Ops() = default;
  virtual ~Ops() = default;
  Ops(const Ops&) = delete;
  Ops& operator=(const Ops&) = delete;

  // ---- Batch norm over all ranks (norm.h), without autograd. Collectives are the caller's.

  // This rank's [2C + 1]: mean, biased variance, count of samples and positions.
  virtual at::Tensor norm_moments(const at::Tensor& x) = 0;
  // The moments of all ranks, [ranks, 2C + 1], in one; `running` moves.
  virtual NormStatistics merge_norm_moments(const at::Tensor& all, double eps,
                                            const RunningStatistics& running) = 0;
  // y = (x - mean) inverse gain + bias, then max(y, 0) where relu is set.
  virtual at::Tensor norm_forward(const at::Tensor& x, const NormTerms& terms) = 0;
  virtual NormGradientSums norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                              const NormTerms& terms) = 0;
  // inverse (gain g - mean(gain g) - n mean(gain g n)): the gradient of x, where the means are
  // `sums` of all ranks divided by their `count`.
  virtual at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g,
                                         const NormTerms& terms, const at::Tensor& sums,
                                         const at::Tensor& count) = 0;

  // ---- Weights (spectral_norm.h).

  // One power iteration of each weight, without a graph; move: the u become the new ones.
  virtual void iterate(SpectralWeights& weights, double eps, bool move) = 0;
  // The weight as a layer reads it: divided by sigma where that is defined, folded with the
  // resampling, in `type`, and in the memory format that convolutions want. Differentiable in
  // `weight`.
  virtual at::Tensor effective_weight(const at::Tensor& weight, const PowerIteration& iteration,
                                      Resample resample, at::ScalarType type) = 0;

  // ---- Convolutions with bias and epilogue (convolution.h), differentiable. bias may be
  // undefined.

  virtual at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const Convolution& shape, const Epilogue& epilogue) = 0;
  virtual at::Tensor convolve_transposed(const at::Tensor& x, const at::Tensor& weight,
                                         const at::Tensor& bias, const TransposedConvolution& shape,
                                         const Epilogue& epilogue) = 0;
};

// The implementation for the device: GpuOps, CpuOps, or PlainOps for shapes without values.
std::unique_ptr<Ops> make_ops(at::Device device);

}  // namespace bbg::ops
