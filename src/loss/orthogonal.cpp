#include "loss/orthogonal.h"

#include <ATen/core/grad_mode.h>

#include "core/error.h"

namespace bbg::loss {

at::Tensor orthogonal_direction(const at::Tensor& weight) {
  BBG_CHECK(weight.dim() >= 2, "orthogonal rows need a matrix");
  const at::NoGradGuard no_grad;
  const at::Tensor matrix = weight.detach().reshape({weight.size(0), -1});
  at::Tensor gram = at::mm(matrix, matrix.t());
  gram.fill_diagonal_(0);
  return at::mm(gram, matrix).view(weight.sizes());
}

void add_orthogonal_gradient(const at::Tensor& weight, const at::Tensor& direction, double beta) {
  BBG_CHECK(weight.grad().defined(), "a weight without gradient");
  const at::NoGradGuard no_grad;
  weight.grad().add_(direction, 4 * beta);
}

}  // namespace bbg::loss
