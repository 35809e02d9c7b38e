// When the buckets of D's gradients leave: as soon as backward allows.
#include <gtest/gtest.h>

#include "comm/make_communicator.h"
#include "support/global_batch.h"
#include "support/passing_communicator.h"
#include "support/training_case.h"

namespace bbg {
namespace {

using namespace testing;

// Remembers where what is reduced lies.
class WatchedCommunicator final : public PassingCommunicator {
 public:
  using PassingCommunicator::PassingCommunicator;

  void all_reduce(at::Tensor& tensor, comm::Reduce reduce) override {
    reduced_.push_back(static_cast<const std::byte*>(tensor.const_data_ptr()));
    PassingCommunicator::all_reduce(tensor, reduce);
  }
  bool has_reduced(const at::Tensor& gradient) const {
    return std::find(reduced_.begin(), reduced_.end(), gradient.const_data_ptr()) != reduced_.end();
  }
  void forget() { reduced_.clear(); }

 private:
  std::vector<const void*> reduced_;
};

class BucketsOfD : public ::testing::TestWithParam<Case> {};

TEST_P(BucketsOfD, OfScoresJointAndCodesLeaveBeforeTheImagesGradientsCome) {
  const auto ranks = comm::make_mpi_communicator({});
  if (ranks->size() == 1) GTEST_SKIP() << "one rank reduces nothing";
  WatchedCommunicator communicator(*ranks);
  std::vector<nn::NamedTensor> parameters;
  std::vector<std::string> late;
  bool is_of_d = false, has_come = false;
  Hooks hooks;
  hooks.at_start = [&](train::TrainState& state) {
    parameters = state.nets.discriminator->store().parameters();
    for (const auto& [name, tensor] : parameters) {
      if (!name.starts_with("F.")) continue;
      tensor.register_hook([&](const at::Tensor& gradient) {
        if (!is_of_d || has_come) return gradient;
        has_come = true;  // the first of F's
        for (const auto& other : parameters) {
          const bool is_sent = communicator.has_reduced(other.tensor.grad());
          if (!other.name.starts_with("F.") && !is_sent) late.push_back(other.name);
        }
        return gradient;
      });
    }
  };
  hooks.before_update = [&](bool is_d) {
    is_of_d = is_d;
    communicator.forget();
  };
  run(GetParam(), communicator, global_batch(ranks->size()), 1,
      {.exchange = in_buckets(comm::Exchange::kBuckets, 1)}, hooks);
  EXPECT_TRUE(has_come);
  EXPECT_EQ(late, std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(
    Systems, BucketsOfD,
    ::testing::Values(
        Case{"HalvesInOnePass",
             small(model::Block::kResidual, model::DNorm::kSpectral, model::Layout::kCompareGan),
             loss::Kind::kHinge},
        Case{"HalvesApart",
             small(model::Block::kStrided, model::DNorm::kBatch, model::Layout::kCompareGan),
             loss::Kind::kLogistic}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace bbg
