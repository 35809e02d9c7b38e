// Both kinds of update, the optimizer and the averages against PyTorch dumps.
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "ops/cpu_ops.h"
#include "support/golden.h"
#include "train/step.h"

namespace bbg::train {
namespace {

using testing::expect_near;
using testing::Golden;

class GoldenStep : public ::testing::TestWithParam<const char*> {
 protected:
  GoldenStep()
      : golden(GetParam()),
        state(golden.model_options(), TrainOptions(), {communicator, cpu, at::kDouble}, 1),
        step(state, golden.model_options(), TrainOptions(), loss_of(golden)),
        batch{.images = golden["in.x"], .labels = {}, .sample_ids = {}},
        noise{.z = golden["in.z"],
              .epsilon = golden.has("in.eps") ? golden["in.eps"] : at::Tensor(),
              .labels = {}} {
    testing::load_golden(*state.nets.generator, golden, "init.G");
    testing::load_golden(*state.nets.encoder, golden, "init.E");
    testing::load_golden(*state.nets.discriminator, golden, "init.D");
  }
  static loss::LossOptions loss_of(const Golden& golden) {
    loss::LossOptions options;
    options.kind = golden.text.at("loss") == "hinge" ? loss::Kind::kHinge : loss::Kind::kLogistic;
    return options;
  }
  void expect_gradients(Arena& arena, const std::string& prefix) {
    for (const auto& view : arena.views(arena.gradients())) {
      expect_near(view.tensor, golden[prefix + "." + view.name], prefix + "." + view.name);
    }
  }

  Golden golden;
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  TrainState state;
  Step step;
  core::Batch batch;
  Noise noise;
};

TEST_P(GoldenStep, DiscriminatorUpdateHasPyTorchsLossAndGradients) {
  const loss::Loss loss = step.update_discriminator(batch, noise, 1e-4);
  expect_near(loss.total.detach(), golden["out.loss_d"].view_as(loss.total), "loss");
  expect_gradients(state.d->arena, "grad_d.D");
}

TEST_P(GoldenStep, GeneratorEncoderUpdateHasPyTorchsLossAndGradients) {
  const loss::Loss loss = step.update_generator_encoder(batch, noise, 1e-4, 1e-4);
  expect_near(loss.total.detach(), golden["out.loss_ge"].view_as(loss.total), "loss");
  expect_gradients(state.g.arena, "grad_ge.G");
  expect_gradients(state.e->arena, "grad_ge.E");
}

TEST_P(GoldenStep, EachUpdateMovesItsOwnNetworksOnly) {
  const auto copy = [](Arena& arena) { return arena.values().clone(); };
  const at::Tensor g = copy(state.g.arena), e = copy(state.e->arena), d = copy(state.d->arena);
  step.update_discriminator(batch, noise, 1e-4);
  EXPECT_TRUE(at::equal(state.g.arena.values(), g));
  EXPECT_TRUE(at::equal(state.e->arena.values(), e));
  const at::Tensor moved = copy(state.d->arena);
  EXPECT_FALSE(at::equal(moved, d));
  step.update_generator_encoder(batch, noise, 1e-4, 1e-4);
  EXPECT_TRUE(at::equal(state.d->arena.values(), moved));
  EXPECT_FALSE(at::equal(state.g.arena.values(), g));
  EXPECT_FALSE(at::equal(state.e->arena.values(), e));
}

INSTANTIATE_TEST_SUITE_P(Systems, GoldenStep, ::testing::ValuesIn(testing::kGoldenSystems),
                         [](const auto& info) { return std::string(info.param); });

TEST(Adam, EqualsPyTorchOverFiveSteps) {
  const Golden golden("adam");
  for (const auto& [name, beta1] :
       {std::pair<std::string, double>{"beta0", 0.0}, {"beta05", 0.5}}) {
    const at::Tensor parameter = golden["start"].clone().set_requires_grad(true);
    Arena arena({{"p", parameter}});
    Adam adam(arena, {.beta1 = beta1, .beta2 = 0.999, .eps = 1e-8});
    for (int64_t i = 0; i < 5; ++i) {
      at::NoGradGuard no_grad;
      parameter.grad().copy_(golden["gradients"][i]);
      adam.step(2e-4);
      expect_near(parameter.detach(), golden[name + ".parameters"][i], name);
    }
    expect_near(arena.views(adam.first_moment())[0].tensor, golden[name + ".m"], name + " m");
    expect_near(arena.views(adam.second_moment())[0].tensor, golden[name + ".v"], name + " v");
  }
}

TEST(Averages, EqualPyTorchsOverSixUpdates) {
  const Golden golden("ema");
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  model::ModelOptions model;
  model.block = model::Block::kStrided;
  model.resolution = 16;
  model.width = model.e_width = 2;
  TrainOptions options;
  options.ema_decay = 0.9;
  options.ema_start = 3;
  TrainState state(model, options, {communicator, cpu, at::kDouble}, 1);
  const int64_t n = golden["parameters"].size(1);
  const auto head = [&](const nn::Network& net) {
    return net.store().parameters().front().tensor.detach().view(-1).narrow(0, 0, n);
  };
  for (int64_t update = 1; update <= 6; ++update) {
    const at::NoGradGuard no_grad;
    head(*state.nets.generator).copy_(golden["parameters"][update - 1]);
    state.update_averages(update);
    expect_near(head(*state.average_g), golden["averages"][update - 1],
                "after update " + std::to_string(update));
  }
}

TEST(Arena, KeepsValuesAndSharesStorageWithParametersAndGradients) {
  const at::Tensor a = at::arange(6, at::kFloat).view({2, 3}).set_requires_grad(true);
  const at::Tensor b = at::arange(20, at::kFloat).set_requires_grad(true);
  Arena arena({{"a", a}, {"b", b}});
  EXPECT_TRUE(at::equal(a.detach(), at::arange(6, at::kFloat).view({2, 3})));
  arena.zero_gradients();
  for (int round = 1; round <= 2; ++round) {  // backward adds in place, into the arena
    (a.sum() * 2 + (b * b).sum()).backward();
    EXPECT_EQ(arena.gradients().sum().item<float>(), static_cast<float>(round) * (6 * 2 + 2 * 190));
  }
  {
    const at::NoGradGuard no_grad;
    arena.values().zero_();
  }
  EXPECT_EQ(a.abs().sum().item<float>() + b.abs().sum().item<float>(), 0);
  // Last declared first, and names lead to the right places.
  const auto views = arena.views(arena.gradients());
  EXPECT_EQ(views[0].name, "b");
  EXPECT_TRUE(at::equal(views[1].tensor, a.grad()));
}

TEST(TrainState, SurvivesTheStateDict) {
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  model::ModelOptions model;
  model.block = model::Block::kStrided;
  model.resolution = 16;
  model.width = model.e_width = 2;
  TrainState first(model, {}, {communicator, cpu, at::kFloat}, 1),
      second(model, {}, {communicator, cpu, at::kFloat}, 2);
  EXPECT_FALSE(at::equal(first.g.arena.values(), second.g.arena.values()));
  const core::StateDict saved = first.to_state_dict();
  second.load(&saved);
  const core::StateDict a = first.to_state_dict(), b = second.to_state_dict();
  for (size_t i = 0; i < a.tensors.size(); ++i)
    EXPECT_TRUE(at::equal(a.tensors[i].second, b.tensors[i].second));
}

TEST(TrainState, RefusesAnotherModel) {
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  model::ModelOptions model;
  model.block = model::Block::kStrided;
  model.resolution = 16;
  model.width = model.e_width = 2;
  TrainState small(model, {}, {communicator, cpu, at::kFloat}, 1);
  model.width = 4;
  TrainState large(model, {}, {communicator, cpu, at::kFloat}, 1);
  core::StateDict extra = small.to_state_dict();
  EXPECT_THROW(large.load(&extra), core::UsageError);
  extra.tensors.emplace_back("more", at::zeros({1}));
  EXPECT_THROW(small.load(&extra), core::UsageError);
}

}  // namespace
}  // namespace bbg::train
