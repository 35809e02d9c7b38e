#include "model/reversible_resnet.h"

#include <gtest/gtest.h>

#include "support/golden_trunk.h"
#include "support/self_communicator.h"

namespace bbg::model {
namespace {

using Net = testing::LoneTrunk<ReversibleResNet>;

constexpr auto kName = "reversible_resnet";
const BottleneckTrunkShape kShape = {.channels = 2, .base = 2, .units = {2, 3, 4, 2}};

// The dump keeps every activation. That the running statistics are its own after backward says that
// they moved once.
TEST(ReversibleResNet, TrainsAsInPyTorch) {
  testing::SelfCommunicator communicator;
  for (const bool recompute : {true, false}) {
    Net net(communicator, at::kDouble, kShape, recompute);
    testing::load_golden(net, testing::Golden(kName));
    testing::expect_golden_training(net, testing::Golden(kName));
  }
}

TEST(ReversibleResNet, EvaluatesAsInPyTorchWithAndWithoutTheLastRelu) {
  testing::SelfCommunicator communicator;
  for (const bool last_relu : {false, true}) {
    BottleneckTrunkShape shape = kShape;
    shape.last_relu = last_relu;
    Net net(communicator, at::kDouble, shape);
    testing::load_golden(net, testing::Golden(kName));
    testing::expect_golden_evaluation(net, testing::Golden(kName),
                                      last_relu ? "eval.feature_last_relu" : "eval.feature");
  }
}

TEST(ReversibleResNet, MovesItsStatisticsInAForwardWithoutGrad) {
  testing::SelfCommunicator communicator;
  const testing::Golden golden(kName);
  Net net(communicator, at::kDouble, kShape);
  testing::load_golden(net, golden);
  const at::NoGradGuard no_grad;
  testing::expect_near(net(golden["in.x"]), golden["out.feature"], "feature");
  for (const auto& buffer : net.store.buffers()) {
    testing::expect_near(buffer.tensor, golden["after." + buffer.name], buffer.name);
  }
}

// RevNet-50 x1, x2, x4; the last is the "86 M" of papers that compare with Donahue & Simonyan 2019.
TEST(ReversibleResNet, HasThePapersParameters) {
  testing::SelfCommunicator communicator;
  const std::pair<int64_t, int64_t> counts[] = {{64, 5408640}, {128, 21505792}, {256, 85765632}};
  for (const auto& [base, count] : counts) {
    Net net(communicator, at::kMeta, BottleneckTrunkShape{.base = base});
    EXPECT_EQ(net.num_parameters(), count);
    EXPECT_EQ(net.trunk.out_features(), 32 * base);
  }
}

}  // namespace
}  // namespace bbg::model
