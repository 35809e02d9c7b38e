#include "loss/orthogonal.h"

#include <ATen/core/grad_mode.h>

#include "core/error.h"

namespace bbg::loss {

void add_orthogonal_gradient(const at::Tensor& weight, double beta) {
  if (weight.dim() < 2) return;
  BBG_CHECK(weight.grad().defined(), "a weight without gradient");
  const at::NoGradGuard no_grad;
  const at::Tensor matrix = weight.detach().reshape({weight.size(0), -1});
  at::Tensor gram = at::mm(matrix, matrix.t());
  gram.fill_diagonal_(0);
  weight.grad().add_(at::mm(gram, matrix).view(weight.sizes()), 4 * beta);
}

}  // namespace bbg::loss
