#pragma once
// The passes over data of batch norm on the CPU: each reads its inputs and writes its output once.
// float32, float64 and bfloat16; tensors are channels-last, others are brought there. Sums of one
// sample are taken in blocks and added in double, in an order that does not depend on the number of
// threads. Definitions are those of plain_norm.h. No autograd.

#include <utility>

#include "ops/norm.h"

namespace bbg::ops::cpu {

// Whether the passes take x; its type, shape and size must be asked for.
bool has_norm_kernel(const at::Tensor& x);

std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& x);
at::Tensor norm_forward(const at::Tensor& x, const NormTerms& terms);
std::pair<at::Tensor, at::Tensor> norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                                     const NormTerms& terms);
at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                               const at::Tensor& mean_g, const at::Tensor& mean_gn);

}  // namespace bbg::ops::cpu
