#include "loss/regression.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bbg::loss {
namespace {

at::Tensor row(std::vector<double> values) { return at::tensor(values, at::kDouble).unsqueeze(0); }

double latent(const at::Tensor& logits, const at::Tensor& z) {
  return latent_cost({}, logits, z).item<double>();
}

TEST(LatentCost, OfUniformCodesIsLnTwoWhereNothingIsKnown) {
  EXPECT_DOUBLE_EQ(latent(row({0, 0, 0}), row({-1, 0.3, 1})), std::log(2.0));
}

// -t ln s - (1 - t) ln(1 - s) with t = (z + 1) / 2 and s = sigmoid(logit), by hand.
TEST(LatentCost, OfUniformCodesIsTheCrossEntropyOfTheCodeOnZeroToOne) {
  const std::vector<double> logits = {-2, 0.5, 3}, z = {-0.8, 0.1, 0.9};
  double expected = 0;
  for (size_t i = 0; i < 3; ++i) {
    const double t = (z[i] + 1) / 2, s = 1 / (1 + std::exp(-logits[i]));
    expected -= (t * std::log(s) + (1 - t) * std::log(1 - s)) / 3;
  }
  EXPECT_NEAR(latent(row(logits), row(z)), expected, 1e-15);
}

TEST(LatentCost, OfUniformCodesStaysFiniteFarFromThePrior) {
  EXPECT_EQ(latent(row({1000}), row({-1})), 1000);
  EXPECT_EQ(latent(row({1000}), row({1})), 0);
  EXPECT_EQ(latent(row({-1000}), row({0})), 500);
}

// Its gradient is (sigmoid(logit) - t) / n: zero exactly where E's code, 2 sigmoid(t) - 1, is z.
TEST(LatentCost, OfUniformCodesIsLeastAtTheCode) {
  const at::Tensor z = row({-0.8, 0.1, 0.9});
  const at::Tensor code = row({-0.8, 0.5, 0.9});
  const at::Tensor logits = (2 * at::atanh(code)).set_requires_grad(true);
  latent_cost({}, logits, z).backward();
  EXPECT_TRUE(at::allclose(logits.grad(), (code - z) / 2 / 3, 1e-12, 1e-15));
}

TEST(LatentCost, OfNormalCodesIsTheMeanSquaredError) {
  EXPECT_DOUBLE_EQ(latent_cost(row({1, -2}), {}, row({0.5, 1})).item<double>(), (0.25 + 9) / 2);
}

TEST(ReconstructionCost, IsTheMeanSquaredOrAbsoluteDifference) {
  const at::Tensor x = row({0, 1, -1, 0.5}).view({1, 1, 2, 2});
  const at::Tensor y = row({0.5, 1, 1, 0}).view({1, 1, 2, 2});
  EXPECT_DOUBLE_EQ(reconstruction_cost(Distance::kSquared, x, y).item<double>(),
                   (0.25 + 4 + 0.25) / 4);
  EXPECT_DOUBLE_EQ(reconstruction_cost(Distance::kAbsolute, x, y).item<double>(), 3.0 / 4);
}

}  // namespace
}  // namespace bbg::loss
