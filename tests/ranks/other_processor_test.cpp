// Ranks on processors of different make: what every rank has a copy of stays equal bit for bit.
#include <gtest/gtest.h>

#include <memory>

#include "comm/gradient_exchange.h"
#include "comm/make_communicator.h"
#include "support/global_batch.h"
#include "support/rounds_otherwise.h"
#include "support/training_case.h"
#include "train/replica_check.h"

namespace bbg {
namespace {

using namespace testing;

// On one rank in the middle.
std::unique_ptr<RoundsOtherwise> on_one_rank(const comm::Communicator& communicator) {
  return communicator.rank() == 1 ? std::make_unique<RoundsOtherwise>() : nullptr;
}

TEST(OtherProcessor, RoundsRootsAndProductsOtherwise) {
  const auto communicator = comm::make_mpi_communicator({});
  const at::Tensor x = at::arange(1, 10, at::kDouble);
  const at::Tensor own = at::cat({x.sqrt(), at::mv(x.view({3, 3}), x.narrow(0, 0, 3)), x * 3});
  const auto other = on_one_rank(*communicator);
  const at::Tensor here = at::cat({x.sqrt(), at::mv(x.view({3, 3}), x.narrow(0, 0, 3)), x * 3});
  EXPECT_EQ(at::equal(here.narrow(0, 0, 12), own.narrow(0, 0, 12)), other == nullptr);
  EXPECT_TRUE(at::equal(here.narrow(0, 12, 9), own.narrow(0, 12, 9)));
}

struct Way {
  std::string name;
  comm::ExchangeOptions exchange = {};
  std::string norm_group = "all";
};
void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

comm::ExchangeOptions shared_out() {
  comm::ExchangeOptions options = in_buckets(comm::Exchange::kBuckets, 1 << 10);
  options.shard_optimizer = true;
  return options;
}

class OtherProcessors : public ::testing::TestWithParam<std::tuple<Case, Way>> {};

TEST_P(OtherProcessors, KeepReplicasEqual) {
  const auto& [test, way] = GetParam();
  const auto communicator = comm::make_mpi_communicator({});
  const auto other = on_one_rank(*communicator);
  const auto state = run(test, *communicator, global_batch(communicator->size()), 3,
                         {.exchange = way.exchange, .norm_group = way.norm_group});
  EXPECT_EQ(train::differing_replicas(*state, *communicator), "");
  if (test.clip_norm == 0 && !state->g.exchange.is_sharded()) return;  // a rank's own, to report
  const at::Tensor norms = communicator->all_gather(state->g.gradient_norm.view({1}));
  EXPECT_TRUE(at::equal(norms, norms[0].expand_as(norms)));
}

Case clipped(Case test) {
  test.name += "Clipped";
  test.clip_norm = 0.05;
  return test;
}

std::vector<Case> cases() {
  std::vector<Case> all = all_cases();
  all.push_back(clipped(all[0]));
  return all;
}

INSTANTIATE_TEST_SUITE_P(
    Systems, OtherProcessors,
    ::testing::Combine(::testing::ValuesIn(cases()),
                       ::testing::Values(Way{"Whole"}, Way{"SharedOut", shared_out()},
                                         Way{"OwnNorms", {}, "1"})),
    [](const auto& info) { return std::get<0>(info.param).name + std::get<1>(info.param).name; });

}  // namespace
}  // namespace bbg
