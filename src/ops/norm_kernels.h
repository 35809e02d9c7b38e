#pragma once
// The passes over data of batch norm with gain, bias and ReLU in one: each reads its inputs and
// writes its output once. float32, float64 and bfloat16 on CPU, where tensors are channels-last
// (others are brought there); every other type and device takes ATen's elementwise functions (a GPU
// has cuda_norm.h). Sums of one sample are taken in blocks and added in double, in an order that
// does not depend on the number of threads. No autograd: cross_replica_norm.cpp wires them.
//
// x: [N, C] or [N, C, H, W]. mean, inverse: [C]. gain, bias: [C], [N, C], or undefined for 1 and 0.
// Where x, and with it y and gradients of x and y, is bfloat16, everything else is float32, and so
// is the arithmetic.

#include <ATen/ATen.h>

#include <utility>

namespace bbg::ops {

// Mean and biased variance of each channel, [C] and [C].
std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& x);

struct NormTerms {
  at::Tensor mean, inverse;  // inverse = 1 / sqrt(var + eps)
  at::Tensor gain, bias;
  bool relu = false;
};

// y = (x - mean) inverse gain + bias, then max(y, 0) where relu is set.
at::Tensor norm_forward(const at::Tensor& x, const NormTerms& terms);

// Over the positions of each sample, with g the gradient of y (0 where ReLU cut it) and
// n = (x - mean) inverse: sum g and sum g n, both [N, C].
std::pair<at::Tensor, at::Tensor> norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                                     const NormTerms& terms);

// inverse (gain g - mean_g - n mean_gn): the gradient of x, where mean_g and mean_gn [C] are the
// means of gain g and gain g n over all samples and positions.
at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                               const at::Tensor& mean_g, const at::Tensor& mean_gn);

// Over the samples of all ranks.
struct NormStatistics {
  at::Tensor mean, variance;  // [C]
  at::Tensor inverse;         // [C], 1 / sqrt(variance + eps)
  at::Tensor count;           // of samples and positions: a scalar, on the device
};

// Moves to what is normalised: mean, and the unbiased variance. Undefined: none.
struct RunningStatistics {
  at::Tensor mean, variance;  // [C]
  double momentum = 0;
};

struct NormGradientSums {
  at::Tensor of_gain, of_bias;  // as the terms, this rank's share; undefined where those are
  at::Tensor sums;              // [2, C]: of gain g and gain g n, over samples and positions
};

// The same from ATen's functions alone: what other devices and types take, and the oracle of the
// tests.
namespace plain {
std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& x);
at::Tensor norm_forward(const at::Tensor& x, const NormTerms& terms);
std::pair<at::Tensor, at::Tensor> norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                                     const NormTerms& terms);
at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                               const at::Tensor& mean_g, const at::Tensor& mean_gn);
}  // namespace plain

}  // namespace bbg::ops
