#pragma once
// Orthogonal regularisation of Brock et al. 2019 (section 3.1): R = beta |W W^T * (1 - I)|_F^2 for
// each weight W viewed as [C_out, rest], raw, not divided by its spectral norm (docs/choices.md
// 50).

#include <ATen/ATen.h>

namespace bbg::loss {

// (W W^T * (1 - I)) W, of which dR/dW is 4 beta times, in the weight's shape. For tensors of two or
// more dimensions. Without a graph.
at::Tensor orthogonal_direction(const at::Tensor& weight);
// Adds dR/dW to the weight's gradient in place, which must be there.
void add_orthogonal_gradient(const at::Tensor& weight, const at::Tensor& direction, double beta);

}  // namespace bbg::loss
