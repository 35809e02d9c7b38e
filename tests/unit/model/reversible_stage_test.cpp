#include "model/encoders/reversible_stage.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "support/lone_trunk.h"
#include "support/memory_meter.h"

namespace bbg::model {
namespace {

using Stage = testing::LoneTrunk<ReversibleStage>;

constexpr int64_t kIn = 16, kChannels = 32;

at::Tensor input() {  // [4, kIn, 16, 16], float64
  const at::Tensor index = at::arange(4 * kIn * 256, at::kDouble);
  return at::sin(index * 0.37 + at::sin(index * 0.011)).view({4, kIn, 16, 16});
}

// Any scalar that no symmetry of BN makes flat.
at::Tensor score(const at::Tensor& y) {
  return (y * at::cos(at::arange(y.numel(), at::kDouble) * 0.7).view(y.sizes())).sum();
}

class ReversibleStageTest : public ::testing::Test {
 protected:
  Stage make(int64_t num_units, bool recompute) {
    return Stage(communicator, at::kDouble, kIn, kChannels, num_units, recompute);
  }
  comm::SelfCommunicator communicator;
};

// float64: each unit adds a rounding of 1e-16 to values of order one.
TEST_F(ReversibleStageTest, InverseGivesTheInputAndMovesNothing) {
  for (const nn::Mode mode : {nn::Mode::kTrain, nn::Mode::kEvaluate}) {
    Stage stage = make(4, true);
    stage.context.mode = mode;
    const at::NoGradGuard no_grad;
    const at::Tensor y = stage(input());
    std::vector<at::Tensor> before;
    for (const auto& buffer : stage.store.buffers()) before.push_back(buffer.tensor.clone());
    const at::Tensor x = stage.trunk.inverse(y);
    EXPECT_TRUE(at::allclose(x, input(), 0, 1e-12)) << (x - input()).abs().max();
    EXPECT_FALSE(at::allclose(y.narrow(1, kChannels / 4, kIn), input(), 0, 1e-2));
    size_t i = 0;
    for (const auto& buffer : stage.store.buffers()) {
      EXPECT_TRUE(at::equal(buffer.tensor, before[i++])) << buffer.name;
    }
    EXPECT_EQ(stage.context.mode, mode);
    EXPECT_FALSE(stage.context.is_recomputing);
  }
}

TEST_F(ReversibleStageTest, HasTheGradientsOfTheStageThatKeepsActivations) {
  Stage recomputing = make(5, true), keeping = make(5, false);
  const at::Tensor x = input().set_requires_grad(true), same = input().set_requires_grad(true);
  const at::Tensor y = recomputing(x), y_same = keeping(same);
  EXPECT_TRUE(at::equal(y, y_same));
  recomputing.context.mode =
      nn::Mode::kEvaluate;  // backward repeats a training forward all the same
  score(y).backward();
  score(y_same).backward();
  // Relative to the largest gradient: what differs is the rounding of the recovered inputs.
  const auto expect_equal = [](const at::Tensor& a, const at::Tensor& b) {
    EXPECT_LE((a - b).abs().max().item<double>(), 1e-12 * b.abs().max().item<double>());
  };
  expect_equal(x.grad(), same.grad());
  const auto gradients = recomputing.gradients(), expected = keeping.gradients();
  for (size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE(keeping.store.parameters()[i].name);
    expect_equal(gradients[i], expected[i]);
    EXPECT_GT(expected[i].abs().max().item<double>(), 0);
  }
  EXPECT_EQ(recomputing.context.mode, nn::Mode::kEvaluate);
  EXPECT_FALSE(recomputing.context.is_recomputing);
  for (size_t i = 0; i < keeping.store.buffers().size(); ++i) {
    EXPECT_TRUE(
        at::equal(recomputing.store.buffers()[i].tensor, keeping.store.buffers()[i].tensor));
  }
}

// At the start BN's bias is zero, so a channel of zeros stays zero up to the ReLU, whose gradient
// there is none. A trace of rounding in the recovered channel would let half of it pass.
TEST_F(ReversibleStageTest, GivesChannelsOfZerosNoGradient) {
  Stage stage = make(5, true);
  score(stage(input())).backward();
  const at::Tensor bias = stage.gradients()[1];  // [kChannels / 2]
  ASSERT_EQ(stage.store.parameters()[1].name, "0.norm1.bias");
  const int64_t zeros = (kChannels - kIn) / 2;
  EXPECT_EQ(bias.narrow(0, kChannels / 2 - zeros, zeros).abs().max().item<double>(), 0);
  EXPECT_GT(bias.narrow(0, 0, kChannels / 2 - zeros).abs().min().item<double>(), 0);
}

TEST_F(ReversibleStageTest, AddsIntoGradientsThatAreThere) {
  Stage stage = make(2, true);
  const at::Tensor arena = at::zeros({stage.num_parameters()}, at::kDouble);
  int64_t offset = 0;
  for (const auto& parameter : stage.store.parameters()) {
    const int64_t n = parameter.tensor.numel();
    at::Tensor(parameter.tensor).mutable_grad() =
        arena.narrow(0, offset, n).view(parameter.tensor.sizes());
    offset += n;
  }
  score(stage(input())).backward();
  const at::Tensor once = arena.clone();
  EXPECT_GT(once.abs().max().item<double>(), 0);
  score(stage(input())).backward();
  EXPECT_TRUE(at::equal(arena, once * 2));
}

TEST_F(ReversibleStageTest, PassesGradientsThroughFrozenParameters) {
  Stage frozen = make(3, true), free = make(3, true);
  for (const auto& parameter : frozen.store.parameters()) parameter.tensor.set_requires_grad(false);
  const at::Tensor x = input().set_requires_grad(true), same = input().set_requires_grad(true);
  score(frozen(x)).backward();
  score(free(same)).backward();
  EXPECT_TRUE(at::equal(x.grad(), same.grad()));
  for (const at::Tensor& gradient : frozen.gradients()) EXPECT_FALSE(gradient.defined());
}

TEST_F(ReversibleStageTest, RefusesParametersThatChangeBeforeBackward) {
  Stage stage = make(2, true);
  const at::Tensor loss = score(stage(input()));
  {
    const at::NoGradGuard no_grad;
    at::Tensor(stage.store.parameters().front().tensor).add_(1);
  }
  EXPECT_THROW(loss.backward(), c10::Error);
  EXPECT_FALSE(stage.context.is_recomputing);
}

TEST_F(ReversibleStageTest, HasNoSecondDerivative) {
  Stage stage = make(2, true);
  const at::Tensor x = input().set_requires_grad(true);
  const at::Tensor loss = score(stage(x));
  EXPECT_THROW(torch::autograd::grad({loss}, {x}, {}, /*retain_graph=*/true, /*create_graph=*/true),
               core::InternalError);
}

TEST_F(ReversibleStageTest, NeedsMemoryThatDoesNotGrowWithItsLength) {
  struct Use {
    int64_t kept, peak, parameters;  // bytes; kept: between forward and backward
  };
  const auto use = [&](int64_t num_units, bool recompute) {
    Stage stage = make(num_units, recompute);
    const at::Tensor x = input().set_requires_grad(true);
    const testing::MemoryMeter meter;
    const at::Tensor y = stage(x + 1);  // the sum lives only if the stage keeps it
    const int64_t kept = meter.live();
    y.sum().backward();
    return Use{kept, meter.peak(), stage.num_parameters() * 8};
  };
  const Use four = use(4, true), sixteen = use(16, true);
  EXPECT_EQ(four.kept, 4 * kChannels * 256 * 8);  // its output and nothing else
  EXPECT_EQ(sixteen.kept, four.kept);
  // Only the gradients of the parameters grow.
  EXPECT_LE(sixteen.peak - four.peak, sixteen.parameters);
  // The meter sees what is saved on the other way.
  const Use kept_four = use(4, false), kept_sixteen = use(16, false);
  EXPECT_GT(kept_sixteen.kept, 3 * kept_four.kept);
  EXPECT_GT(kept_sixteen.peak, 3 * sixteen.peak);
}

}  // namespace
}  // namespace bbg::model
