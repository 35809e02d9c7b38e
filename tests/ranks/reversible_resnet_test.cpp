// The reversible trunk on N ranks x b samples against 1 rank x N*b: features, gradients and running
// statistics. Backward makes forwards with collectives of its own, so ranks that were out of step
// would mix them up or wait for ever.
#include "model/encoders/reversible_resnet.h"

#include <gtest/gtest.h>

#include "comm/gradient_exchange.h"
#include "comm/make_communicator.h"
#include "comm/self_communicator.h"
#include "support/global_batch.h"
#include "support/lone_trunk.h"
#include "train/arena.h"

namespace bbg {
namespace {

struct Result {
  at::Tensor feature, of_x;  // [global_batch, ...], gathered
  std::vector<nn::NamedTensor> gradients, statistics;
};

Result run(comm::Communicator& communicator, int64_t global_batch, bool recompute) {
  testing::LoneTrunk<model::ReversibleResNet> net(
      communicator, at::kDouble,
      model::BottleneckTrunkShape{.channels = 2, .base = 4, .units = {2, 3, 2, 1}}, recompute);
  train::Arena arena(net.store.parameters());
  comm::ReductionQueue queue(communicator, {}, at::kCPU);
  comm::GradientExchange exchange(communicator, queue, arena.gradients(), {});
  const int64_t size = communicator.size(), b = global_batch / size,
                first = b * communicator.rank();
  const at::Tensor index = at::arange(global_batch * 2 * 32 * 32, at::kDouble);
  const at::Tensor images =
      at::sin(index * 0.37 + at::sin(index * 0.011)).view({global_batch, 2, 32, 32});
  at::Tensor feature, of_x = at::zeros_like(images.narrow(0, first, b));
  for (int round = 0; round < 2; ++round) {  // the second adds to the gradients and moves on
    const at::Tensor x = images.narrow(0, first, b).clone().set_requires_grad(true);
    feature = net(x);
    const at::Tensor upstream =
        at::cos(at::arange(global_batch * feature.size(1), at::kDouble) * (0.7 + round))
            .view({global_batch, -1});
    (feature * upstream.narrow(0, first, b)).sum().backward();
    of_x += x.grad();
  }
  exchange.finish();
  arena.gradients().mul_(size);  // the sum over samples, where the exchange takes ranks' mean
  return {communicator.all_gather(feature.detach()), communicator.all_gather(of_x),
          arena.views(arena.gradients()), net.store.buffers()};
}

// float64 sums in another order.
void expect_same_up_to_rounding(const at::Tensor& actual, const at::Tensor& expected,
                                const std::string& what) {
  EXPECT_TRUE(at::allclose(actual, expected, 1e-9, 1e-9))
      << what << " differs by " << (actual - expected).abs().max().item<double>();
}

void expect_same_up_to_rounding(const std::vector<nn::NamedTensor>& actual,
                                const std::vector<nn::NamedTensor>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    expect_same_up_to_rounding(actual[i].tensor, expected[i].tensor, expected[i].name);
  }
}

TEST(ReversibleResNet, OnManyRanksEqualsOneRankThatKeepsActivations) {
  const auto communicator = comm::make_mpi_communicator({});
  comm::SelfCommunicator alone;
  const int64_t batch = testing::global_batch(communicator->size());
  const Result many = run(*communicator, batch, true), one = run(alone, batch, false);
  expect_same_up_to_rounding(many.feature, one.feature, "feature");
  expect_same_up_to_rounding(many.of_x, one.of_x, "gradient of x");
  expect_same_up_to_rounding(many.gradients, one.gradients);
  expect_same_up_to_rounding(many.statistics, one.statistics);
}

TEST(ReversibleResNet, RepeatsBitForBit) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t batch = testing::global_batch(communicator->size());
  const Result first = run(*communicator, batch, true), second = run(*communicator, batch, true);
  EXPECT_TRUE(at::equal(first.feature, second.feature));
  for (size_t i = 0; i < first.gradients.size(); ++i) {
    EXPECT_TRUE(at::equal(first.gradients[i].tensor, second.gradients[i].tensor))
        << first.gradients[i].name;
  }
}

}  // namespace
}  // namespace bbg
