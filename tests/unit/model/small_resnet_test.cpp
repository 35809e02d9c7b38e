#include "model/encoders/small_resnet.h"

#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "support/lone_trunk.h"

namespace bbg::model {
namespace {

using LoneSmall = testing::LoneTrunk<SmallResNet>;

TEST(SmallResNet, HasTheCountedParameters) {
  comm::SelfCommunicator communicator;
  LoneSmall small(communicator, at::kMeta, 3, 32, 32), large(communicator, at::kMeta, 3, 32, 64);
  EXPECT_EQ(small.num_parameters(), 694944);
  EXPECT_EQ(small.trunk.out_features(), 128);
  EXPECT_EQ(large.num_parameters(), 2794144);
  EXPECT_EQ(large.trunk.out_features(), 256);
}

}  // namespace
}  // namespace bbg::model
