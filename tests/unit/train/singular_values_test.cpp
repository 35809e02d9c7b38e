#include "train/singular_values.h"

#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "model/nets.h"
#include "ops/cpu_ops.h"

namespace bbg::train {
namespace {

model::ModelOptions gan_of_width_four() {
  model::ModelOptions options;
  options.system = model::System::kGan;
  options.width = 4;
  options.z_dim = 8;
  options.init = nn::Init::kXavier;
  return options;
}

at::Tensor exact(const at::Tensor& weight) {
  return at::linalg_svdvals(weight.detach().reshape({weight.size(0), -1}))[0];
}

TEST(SingularValues, AreThoseOfEachWeightWithinThePowerIterationsError) {
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  const model::Nets nets =
      model::make_nets(gan_of_width_four(), {communicator, cpu, at::kDouble}, 1);
  const core::Values values = top_singular_values("G", *nets.generator);
  size_t found = 0;
  double largest = 0;
  for (const auto& parameter : nets.generator->store().parameters()) {
    if (parameter.tensor.dim() < 2) continue;
    EXPECT_EQ(values[found].first, "sigma.G." + parameter.name);
    const double expected = exact(parameter.tensor).item<double>();
    // A lower bound; random matrices have close singular values (docs/choices.md C4).
    EXPECT_LE(values[found].second, expected * (1 + 1e-12)) << parameter.name;
    EXPECT_GE(values[found].second, expected * 0.97) << parameter.name;
    largest = std::max(largest, values[found].second);
    ++found;
  }
  ASSERT_EQ(values.size(), found + 1);
  EXPECT_EQ(values.back().first, "sigma_max_G");
  EXPECT_EQ(values.back().second, largest);
}

TEST(SingularValues, FindADirectionThatExplodes) {
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  const model::Nets nets =
      model::make_nets(gan_of_width_four(), {communicator, cpu, at::kDouble}, 1);
  const at::NoGradGuard no_grad;
  const auto& weight = nets.discriminator->store().parameters()[2];
  ASSERT_GE(weight.tensor.dim(), 2);
  at::Tensor matrix = at::Tensor(weight.tensor).view({weight.tensor.size(0), -1});
  const at::Tensor row = at::cos(at::arange(matrix.size(1), at::kDouble));
  matrix[1] += row * (1000 / row.norm());
  const core::Values values = top_singular_values("D", *nets.discriminator);
  EXPECT_EQ(values.back().first, "sigma_max_D");
  EXPECT_NEAR(values.back().second, exact(weight.tensor).item<double>(), 1e-6);
  EXPECT_GT(values.back().second, 900);
}

}  // namespace
}  // namespace bbg::train
