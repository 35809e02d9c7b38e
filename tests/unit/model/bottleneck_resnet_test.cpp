#include "model/bottleneck_resnet.h"

#include <gtest/gtest.h>

#include "support/golden_trunk.h"
#include "support/self_communicator.h"

namespace bbg::model {
namespace {

using Net = testing::LoneTrunk<BottleneckResNet>;

constexpr auto kName = "bottleneck_resnet";
const BottleneckTrunkShape kShape = {.channels = 1, .base = 2, .units = {1, 2, 1, 1}};

TEST(BottleneckResNet, TrainsAsInPyTorch) {
  testing::SelfCommunicator communicator;
  Net net(communicator, at::kDouble, kShape);
  testing::load_golden(net, testing::Golden(kName));
  testing::expect_golden_training(net, testing::Golden(kName));
}

TEST(BottleneckResNet, EvaluatesAsInPyTorchWithAndWithoutTheLastRelu) {
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

// He et al. 2016, without the classifier.
TEST(BottleneckResNet, HasThePapersParameters) {
  testing::SelfCommunicator communicator;
  Net fifty(communicator, at::kMeta, BottleneckTrunkShape{});
  EXPECT_EQ(fifty.num_parameters(), 23500352);
  EXPECT_EQ(fifty.trunk.out_features(), 2048);
  Net hundred(communicator, at::kMeta, BottleneckTrunkShape{.units = {3, 4, 23, 3}});
  EXPECT_EQ(hundred.num_parameters(), 42492480);
  Net wide(communicator, at::kMeta, BottleneckTrunkShape{.base = 128});
  EXPECT_EQ(wide.num_parameters(), 93891712);
  EXPECT_EQ(wide.trunk.out_features(), 4096);
}

}  // namespace
}  // namespace bbg::model
