// Forward passes against PyTorch dumps: G, E, D in training and evaluation mode, spectral norm,
// conditional norm.
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "model/nets.h"
#include "nn/conditional_norm.h"
#include "ops/cpu_ops.h"
#include "ops/spectral_norm.h"
#include "support/golden.h"

namespace bbg::model {
namespace {

using testing::expect_near;
using testing::Golden;

class GoldenNetworks : public ::testing::TestWithParam<const char*> {
 protected:
  GoldenNetworks()
      : golden(GetParam()),
        nets(make_nets(golden.model_options(), {communicator, cpu, at::kDouble}, 1)) {
    testing::load_golden(*nets.generator, golden, "init.G");
    testing::load_golden(*nets.encoder, golden, "init.E");
    testing::load_golden(*nets.discriminator, golden, "init.D");
    for (nn::Network* net : all()) net->begin_substep();
  }
  std::vector<nn::Network*> all() {
    return {nets.generator.get(), nets.encoder.get(), nets.discriminator.get()};
  }

  Golden golden;
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  Nets nets;
};

TEST_P(GoldenNetworks, ForwardEqualsPyTorch) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = golden["in.x"], z = golden["in.z"];
  const at::Tensor generated = nets.generator->forward(z);
  const Code code = nets.encoder->forward(x);
  const at::Tensor sample =
      code.sample(golden.has("in.eps") ? golden["in.eps"] : at::zeros_like(z));
  expect_near(generated, golden["out.g"], "G(z)");
  expect_near(code.mean, golden["out.mu"], "mu");
  expect_near(code.feature, golden["out.feature"], "feature");
  expect_near(sample, golden["out.e"], "E(x)");
  const core::Scores real = nets.discriminator->forward(x, sample);
  const core::Scores fake = nets.discriminator->forward(generated, z);
  expect_near(real.x, golden["out.real.x"], "s_x(real)");
  expect_near(real.z, golden["out.real.z"], "s_z(E(x))");
  expect_near(real.xz, golden["out.real.xz"], "s_xz(real)");
  expect_near(fake.x, golden["out.fake.x"], "s_x(G(z))");
  expect_near(fake.z, golden["out.fake.z"], "s_z(z)");
  expect_near(fake.xz, golden["out.fake.xz"], "s_xz(G(z))");
}

TEST_P(GoldenNetworks, BuffersMoveAsInPyTorch) {
  const at::NoGradGuard no_grad;
  const at::Tensor generated = nets.generator->forward(golden["in.z"]);
  const at::Tensor sample =
      nets.encoder->forward(golden["in.x"])
          .sample(golden.has("in.eps") ? golden["in.eps"] : at::zeros_like(golden["in.z"]));
  nets.discriminator->forward(golden["in.x"], sample);
  nets.discriminator->forward(generated, golden["in.z"]);
  const char* names[] = {"G", "E", "D"};
  for (size_t i = 0; i < 3; ++i) {
    for (const auto& buffer : all()[i]->store().buffers()) {
      const std::string name = std::string(names[i]) + "." + buffer.name;
      expect_near(buffer.tensor, golden["after." + name], name);
    }
  }
}

class GoldenEvaluation : public GoldenNetworks {};

TEST_P(GoldenEvaluation, EqualsPyTorchAndMovesNothing) {
  const at::NoGradGuard no_grad;
  nets.generator->forward(golden["in.z"]);
  nets.encoder->forward(golden["in.x"]);
  std::vector<at::Tensor> before;
  for (nn::Network* net : all()) {
    net->set_mode(nn::Mode::kEvaluate);
    for (const auto& buffer : net->store().buffers()) before.push_back(buffer.tensor.clone());
    net->begin_substep();
  }
  expect_near(nets.generator->forward(golden["in.z"]), golden["eval.g"], "G(z)");
  const Code code = nets.encoder->forward(golden["in.x"]);
  expect_near(code.mean, golden["eval.mu"], "mu");
  expect_near(code.feature, golden["eval.feature"], "feature");
  size_t i = 0;
  for (nn::Network* net : all()) {
    for (const auto& buffer : net->store().buffers())
      EXPECT_TRUE(at::equal(buffer.tensor, before[i++])) << buffer.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Systems, GoldenNetworks, ::testing::ValuesIn(testing::kGoldenSystems),
                         [](const auto& info) { return std::string(info.param); });

// Those of the dumps that have it.
INSTANTIATE_TEST_SUITE_P(Systems, GoldenEvaluation,
                         ::testing::Values("strided_bn_logistic", "residual_sg_attention"),
                         [](const auto& info) { return std::string(info.param); });

TEST(SpectralNorm, EqualsPyTorch) {
  const Golden golden("spectral_norm");
  for (const std::string kind : {"conv", "linear"}) {
    const at::Tensor weight = golden[kind + ".weight"].clone().set_requires_grad(true);
    const ops::SpectralResult result = ops::spectral_norm(weight, golden[kind + ".u"], 1e-6);
    (result.weight * golden[kind + ".upstream"]).sum().backward();
    expect_near(result.weight, golden[kind + ".weight_sn"], kind);
    expect_near(result.u, golden[kind + ".u_after"], kind + " u");
    expect_near(weight.grad(), golden[kind + ".grad"], kind + " gradient");
  }
}

TEST(SpectralNorm, OfAnOrthogonalMatrixIsTheMatrix) {
  // All singular values are 1, so one iteration from any u finds sigma = 1 (docs/choices.md C4).
  const at::Tensor q =
      std::get<0>(at::linalg_qr(at::sin(at::arange(64, at::kDouble)).view({8, 8})));
  const ops::SpectralResult result = ops::spectral_norm(q, at::ones({8}, at::kDouble), 1e-6);
  EXPECT_NEAR(result.sigma.item<double>(), 1, 1e-14);  // from 64 numbers
}

TEST(SpectralNorm, FindsADominantDirectionInTwentyIterations) {
  at::Tensor u = at::ones({16}, at::kDouble);
  const at::Tensor weight =
      at::diag(at::cat({at::full({1}, 7.0, at::kDouble), at::ones({15}, at::kDouble)}));
  for (int i = 0; i < 20; ++i) u = ops::spectral_norm(weight, u, 1e-6).u;
  // The other directions have 7^-40 of sigma left. So rounding alone.
  EXPECT_NEAR(ops::spectral_norm(weight, u, 1e-6).sigma.item<double>(), 7, 1e-13);
}

TEST(ConditionalNorm, EqualsPyTorch) {
  const Golden golden("conditional_bn");
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  const nn::Settings settings;
  nn::ParameterStore store("test", 1, nn::Init::kOrthogonal, at::kDouble);
  nn::Context context{.communicator = communicator, .ops = cpu, .settings = settings};
  nn::ConditionalNorm norm(context, nn::Scope(store), {.features = golden["in.condition"].size(1)},
                           golden["in.x"].size(1));
  {
    const at::NoGradGuard no_grad;
    for (const auto* entries : {&store.parameters(), &store.buffers()}) {
      for (const auto& entry : *entries)
        at::Tensor(entry.tensor).copy_(golden["init." + entry.name]);
    }
  }
  context.ops.iterate(context.spectral_weights, settings.sn_eps, /*move=*/true);
  const at::Tensor x = golden["in.x"].clone().set_requires_grad(true);
  const at::Tensor condition = golden["in.condition"].clone().set_requires_grad(true);
  const at::Tensor y = norm(x, {.vector = condition, .labels = {}});
  (y * golden["in.upstream"]).sum().backward();
  expect_near(y, golden["out.y"], "y");
  expect_near(x.grad(), golden["grad.x"], "gradient of x");
  expect_near(condition.grad(), golden["grad.condition"], "gradient of the condition");
  for (const auto& parameter : store.parameters()) {
    expect_near(parameter.tensor.grad(), golden["grad." + parameter.name], parameter.name);
  }
  for (const auto& buffer : store.buffers())
    expect_near(buffer.tensor, golden["after." + buffer.name], buffer.name);
  context.mode = nn::Mode::kEvaluate;
  context.ops.iterate(context.spectral_weights, settings.sn_eps, /*move=*/false);
  expect_near(norm(golden["in.x"], {.vector = golden["in.condition"], .labels = {}}),
              golden["eval.y"], "evaluation");
}

}  // namespace
}  // namespace bbg::model
