#include "model/encoders/reversible_resnet.h"

#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "support/lone_trunk.h"

namespace bbg::model {
namespace {

using LoneReversible = testing::LoneTrunk<ReversibleResNet>;

// One forward and backward of RevNet-50, narrow: images of `size` pixels in two colours, any scalar
// of the features.
struct Trained {
  at::Tensor feature, of_x;
  std::vector<at::Tensor> gradients, buffers;

  Trained(int64_t size, bool recompute) {
    comm::SelfCommunicator communicator;
    LoneReversible net(communicator, at::kDouble, BottleneckTrunkShape{.channels = 2, .base = 4},
                       recompute);
    const at::Tensor x = images(size).set_requires_grad(true);
    feature = net(x);
    (feature * at::cos(at::arange(feature.numel(), at::kDouble) * 0.7).view(feature.sizes()))
        .sum()
        .backward();
    of_x = x.grad();
    gradients = net.gradients();
    for (const auto& buffer : net.store.buffers()) buffers.push_back(buffer.tensor);
  }
  static at::Tensor images(int64_t size) {  // [3, 2, size, size]
    const at::Tensor index = at::arange(3 * 2 * size * size, at::kDouble);
    return at::sin(index * 0.37 + at::sin(index * 0.011)).view({3, 2, size, size});
  }
};

// Four stages of recovered inputs: their rounding, relative to each tensor's largest gradient
// (docs/choices.md 33: at most 2e-14 of the norm).
TEST(ReversibleResNet, HasTheGradientsAndStatisticsOfTheNetworkThatKeepsActivations) {
  for (const int64_t size : {64, 128}) {
    SCOPED_TRACE(size);
    const Trained recomputing(size, true), keeping(size, false);
    EXPECT_TRUE(at::equal(recomputing.feature, keeping.feature));
    const auto expect_equal = [](const at::Tensor& a, const at::Tensor& b) {
      EXPECT_GT(b.abs().max().item<double>(), 0);
      EXPECT_LE((a - b).abs().max().item<double>(), 1e-12 * b.abs().max().item<double>());
    };
    expect_equal(recomputing.of_x, keeping.of_x);
    ASSERT_EQ(keeping.gradients.size(), 1u + 16 * 9 + 2);  // root, units, last norm
    for (size_t i = 0; i < keeping.gradients.size(); ++i) {
      SCOPED_TRACE(i);
      expect_equal(recomputing.gradients[i], keeping.gradients[i]);
    }
    ASSERT_EQ(keeping.buffers.size(), 2u * (16 * 3 + 1));
    for (size_t i = 0; i < keeping.buffers.size(); ++i) {  // moved once, not again in backward
      EXPECT_TRUE(at::equal(recomputing.buffers[i], keeping.buffers[i])) << i;
    }
  }
}

TEST(ReversibleResNet, MovesItsStatisticsInAForwardWithoutGrad) {
  const Trained with_grad(64, true);
  comm::SelfCommunicator communicator;
  LoneReversible net(communicator, at::kDouble, BottleneckTrunkShape{.channels = 2, .base = 4});
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(net(Trained::images(64)), with_grad.feature));
  ASSERT_EQ(net.store.buffers().size(), with_grad.buffers.size());
  for (size_t i = 0; i < with_grad.buffers.size(); ++i) {
    EXPECT_TRUE(at::equal(net.store.buffers()[i].tensor, with_grad.buffers[i])) << i;
  }
}

// RevNet-50 x1, x2, x4; the last is the "86 M" of papers that compare with Donahue & Simonyan 2019.
TEST(ReversibleResNet, HasThePapersParameters) {
  comm::SelfCommunicator communicator;
  const std::pair<int64_t, int64_t> counts[] = {{64, 5408640}, {128, 21505792}, {256, 85765632}};
  for (const auto& [base, count] : counts) {
    LoneReversible net(communicator, at::kMeta, BottleneckTrunkShape{.base = base});
    EXPECT_EQ(net.num_parameters(), count);
    EXPECT_EQ(net.trunk.out_features(), 32 * base);
  }
}

}  // namespace
}  // namespace bbg::model
