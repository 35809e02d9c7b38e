#include "eval/crelu.h"

#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "support/threads_communicator.h"
#include "unit/eval/labelled_points.h"

namespace bbg::eval {
namespace {

// torch's batch norm in training mode on the whole split is the oracle.
at::Tensor expected(const at::Tensor& train) {
  const at::Tensor a =
      std::get<0>(at::native_batch_norm(train, {}, {}, {}, {}, /*training=*/true, 0.1, 1e-5));
  return at::cat({a.clamp_min(0), (-a).clamp_min(0)}, 1);
}

TEST(BnCrelu, IsBatchNormOfTheTrainingSplitThenBothSigns) {
  comm::SelfCommunicator self;
  const at::Tensor train = clouds(200, 7, 3, 2, 1, at::kDouble).features;
  const BnCrelu crelu(self, train);
  // float64 sums in another order.
  EXPECT_TRUE(at::allclose(crelu(train), expected(train), 1e-12, 1e-12));
  // A feature does not depend on its neighbours.
  EXPECT_TRUE(at::equal(crelu(train.narrow(0, 3, 1)), crelu(train).narrow(0, 3, 1)));
}

TEST(BnCrelu, KeepsAllOfTheFeature) {
  comm::SelfCommunicator self;
  const at::Tensor train = clouds(50, 4, 2, 1, 2).features;
  const at::Tensor feature = BnCrelu(self, train)(train);
  EXPECT_EQ(feature.sizes(), (std::vector<int64_t>{50, 8}));
  EXPECT_GE(feature.min().item<float>(), 0);
  // One of each pair is zero.
  EXPECT_EQ((feature.narrow(1, 0, 4) * feature.narrow(1, 4, 4)).max().item<float>(), 0);
}

TEST(BnCrelu, IsTheSameOnAnyNumberOfRanks) {
  const Points all = clouds(60, 5, 3, 2, 3, at::kDouble);
  const at::Tensor whole = expected(all.features);
  for (const int size : {1, 2, 3}) {
    for (const bool skip_first : {false, true}) {
      bbg::testing::run_ranks(size, [&](comm::Communicator& communicator) {
        const at::Tensor own = all.part(communicator, skip_first).features;
        const BnCrelu crelu(communicator, own);
        EXPECT_TRUE(at::allclose(crelu(all.features), whole, 1e-12, 1e-12));
      });
    }
  }
}

TEST(BnCrelu, RefusesASplitWithoutImages) {
  bbg::testing::run_ranks(2, [](comm::Communicator& communicator) {
    EXPECT_THROW(BnCrelu(communicator, at::zeros({0, 3})), core::UsageError);
  });
}

}  // namespace
}  // namespace bbg::eval
