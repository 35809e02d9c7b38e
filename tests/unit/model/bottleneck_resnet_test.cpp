#include "model/encoders/bottleneck_resnet.h"

#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "support/lone_trunk.h"

namespace bbg::model {
namespace {

using LoneBottleneck = testing::LoneTrunk<BottleneckResNet>;

// He et al. 2016, without the classifier.
TEST(BottleneckResNet, HasThePapersParameters) {
  comm::SelfCommunicator communicator;
  LoneBottleneck fifty(communicator, at::kMeta, BottleneckTrunkShape{});
  EXPECT_EQ(fifty.num_parameters(), 23500352);
  EXPECT_EQ(fifty.trunk.out_features(), 2048);
  LoneBottleneck hundred(communicator, at::kMeta, BottleneckTrunkShape{.units = {3, 4, 23, 3}});
  EXPECT_EQ(hundred.num_parameters(), 42492480);
  LoneBottleneck wide(communicator, at::kMeta, BottleneckTrunkShape{.base = 128});
  EXPECT_EQ(wide.num_parameters(), 93891712);
  EXPECT_EQ(wide.trunk.out_features(), 4096);
}

}  // namespace
}  // namespace bbg::model
