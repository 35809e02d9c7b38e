#pragma once
// Orthogonal regularisation of Brock et al. 2019 (section 3.1): R = beta |W W^T * (1 - I)|_F^2 for
// each weight W viewed as [C_out, rest], raw, not divided by its spectral norm (docs/choices.md
// 50).

#include <ATen/ATen.h>

namespace bbg::loss {

// Adds dR/dW = 4 beta (W W^T * (1 - I)) W to the weight's gradient in place; nothing for tensors of
// fewer than two dimensions. The gradient must be there.
void add_orthogonal_gradient(const at::Tensor& weight, double beta);

}  // namespace bbg::loss
