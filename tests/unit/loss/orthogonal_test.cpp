#include "loss/orthogonal.h"

#include <gtest/gtest.h>

namespace bbg::loss {
namespace {

TEST(OrthogonalRegulariser, AddsTheGradientThatAutogradFinds) {
  const double beta = 0.3;
  const at::Tensor weight =
      at::sin(at::arange(48, at::kDouble)).view({4, 3, 2, 2}).set_requires_grad(true);
  const at::Tensor matrix = weight.view({4, 12});
  const at::Tensor gram = at::mm(matrix, matrix.t());
  const at::Tensor penalty = ((gram * (1 - at::eye(4, at::kDouble))).square().sum()) * beta;
  penalty.backward();
  const at::Tensor expected = weight.grad().clone();

  weight.mutable_grad() = at::ones_like(weight.detach());
  add_orthogonal_gradient(weight, orthogonal_direction(weight), beta);
  // Sums of 48 products of order one in another order.
  EXPECT_TRUE(at::allclose(weight.grad(), expected + 1, 1e-12, 1e-12));
}

TEST(OrthogonalRegulariser, LeavesOrthogonalRowsAlone) {
  const at::Tensor weight = at::eye(5, at::kDouble) * 3;
  EXPECT_EQ(orthogonal_direction(weight).abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace bbg::loss
