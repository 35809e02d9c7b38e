// Promise 1: N ranks x b samples train the same networks as 1 rank x N*b, for every parameter of G,
// E and D, however gradients travel; and the same as with PyTorch's gradient averaging.
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "comm/make_communicator.h"
#include "comm/self_communicator.h"
#include "ops/cpu_ops.h"
#include "support/cuda_emulator.h"
#include "support/global_batch.h"
#include "support/passing_communicator.h"
#include "support/reduced_by_pytorch.h"
#include "support/training_case.h"
#include "train/replica_check.h"

namespace bbg {
namespace {

using namespace testing;

// The state that `make` leaves on one rank, on all; names and shapes are those of `like`. Rank 0
// alone makes it: it is the work of all ranks together, and made by each it would be theirs again.
core::StateDict of_one_rank(comm::Communicator& communicator, const core::StateDict& like,
                            const std::function<core::StateDict(comm::Communicator&)>& make) {
  core::StateDict one;
  for (const auto& [name, tensor] : like.tensors) {
    one.tensors.emplace_back(name, at::empty(tensor.sizes(), tensor.options()));
  }
  if (communicator.rank() == 0) {
    comm::SelfCommunicator alone;
    const core::StateDict made = make(alone);
    EXPECT_EQ(made.tensors.size(), like.tensors.size());
    const auto found = by_name(made);
    for (auto& [name, tensor] : one.tensors) {
      EXPECT_EQ(tensor.sizes(), found.at(name).sizes()) << name;
      tensor.copy_(found.at(name));
    }
  }
  for (auto& [name, tensor] : one.tensors) communicator.broadcast(tensor, 0);
  return one;
}

// Drift over many steps, and what begins after some (warm-up, averages), show with four ranks.
// Other numbers are for what depends on them.
int steps_of(const comm::Communicator& communicator, int most, int fewest = 2) {
  return communicator.size() == 4 ? most : fewest;
}

class TrainStep : public ::testing::TestWithParam<Case> {};

TEST_P(TrainStep, OnManyRanksEqualsOneRank) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t batch = global_batch(communicator->size());
  const int steps = steps_of(*communicator, 20, 5);
  const auto many = run(GetParam(), *communicator, batch, steps)->to_state_dict();
  expect_near(many, of_one_rank(*communicator, many, [&](comm::Communicator& alone) {
                return run(GetParam(), alone, batch, steps)->to_state_dict();
              }));
}

TEST_P(TrainStep, InPortionsWithGradientsSentDuringBackwardEqualsOneRank) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t portions = 2, batch = global_batch(communicator->size(), portions);
  const int steps = steps_of(*communicator, 4);
  const auto many =
      run(GetParam(), *communicator, batch, steps,
          {.exchange = in_buckets(comm::Exchange::kBackground, 1), .accumulate = portions})
          ->to_state_dict();
  expect_near(
      many, of_one_rank(*communicator, many, [&](comm::Communicator& alone) {
        return run(GetParam(), alone, batch, steps, {.accumulate = portions})->to_state_dict();
      }));
}

TEST_P(TrainStep, WithItsOptimizerSharedOutEqualsOneRank) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t batch = global_batch(communicator->size());
  const int steps = steps_of(*communicator, 4);
  std::optional<core::StateDict> one;
  for (const auto exchange : {comm::Exchange::kWhole, comm::Exchange::kBackground}) {
    SCOPED_TRACE(static_cast<int>(exchange));
    comm::ExchangeOptions shared = in_buckets(exchange, 1 << 10);
    shared.shard_optimizer = true;
    const auto many = run(GetParam(), *communicator, batch, steps, {.exchange = shared});
    const int64_t of_all = many->g.arena.values().numel();
    EXPECT_EQ(many->g.adam.first_moment().numel() * communicator->size(), of_all);
    const auto saved = many->to_state_dict();
    if (!one) {
      one = of_one_rank(*communicator, saved, [&](comm::Communicator& alone) {
        return run(GetParam(), alone, batch, steps)->to_state_dict();
      });
    }
    expect_near(saved, *one);

    // Others load what is saved: with and without shares, and with other buckets.
    for (const bool is_shared : {true, false}) {
      comm::ExchangeOptions others = in_buckets(comm::Exchange::kBuckets, 1 << 12);
      others.shard_optimizer = is_shared;
      ops::CpuOps cpu;
      train::TrainState loaded(GetParam().model, {}, {*communicator, cpu, at::kDouble}, kSeed + 1,
                               others);
      loaded.load(communicator->rank() == 0 ? &saved : nullptr);
      const auto again = by_name(loaded.to_state_dict());
      for (const auto& [name, tensor] : by_name(saved)) {
        EXPECT_TRUE(at::equal(tensor, again.at(name))) << name;
      }
    }
  }
}

// One rank that works through as many portions as there are groups normalises the same samples
// together, and so trains the same; its running statistics move with every portion.
TEST_P(TrainStep, WithNormsOfGroupsEqualsOneRankInPortions) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t size = communicator->size(), batch = global_batch(communicator->size(), 1);
  const int steps = steps_of(*communicator, 4);
  for (int64_t group = 1; group < size; ++group) {
    if (size % group != 0) continue;
    SCOPED_TRACE(group);
    const auto many =
        run(GetParam(), *communicator, batch, steps, {.norm_group = std::to_string(group)});
    EXPECT_EQ(train::differing_replicas(*many, *communicator), "");
    const core::StateDict state = many->to_state_dict();
    const auto found = by_name(state);
    const auto one = of_one_rank(*communicator, state, [&](comm::Communicator& alone) {
      return run(GetParam(), alone, batch, steps, {.accumulate = size / group})->to_state_dict();
    });
    for (const auto& [name, tensor] : one.tensors) {
      if (name.find("running_") != std::string::npos) continue;
      EXPECT_TRUE(at::allclose(found.at(name), tensor, 1e-9, 1e-9)) << name;
    }
  }
  // One host, one group.
  const auto all = run(GetParam(), *communicator, batch, 2)->to_state_dict();
  expect_near(run(GetParam(), *communicator, batch, 2, {.norm_group = "node"})->to_state_dict(),
              all);
}

// G's first norm sees the same in groups of any size as long as G has not moved. The mean of the
// means is then the same too.
TEST(NormGroups, RunningMeansAreThoseOfAllRanks) {
  const auto communicator = comm::make_mpi_communicator({});
  const Case test{"",
                  small(model::Block::kStrided, model::DNorm::kBatch, model::Layout::kCompareGan),
                  loss::Kind::kLogistic};
  const int64_t batch = global_batch(communicator->size());
  const auto first_mean = [&](const std::string& group) {
    const auto state = run(test, *communicator, batch, 1, {.norm_group = group});
    return state->nets.generator->statistics().at(0).clone();
  };
  const at::Tensor mean = first_mean("1");
  EXPECT_GT(mean.abs().max().item<double>(), 1e-3);
  EXPECT_TRUE(at::allclose(mean, first_mean("all"), 0, 1e-12));
}

// As NCCL's, which reduces sums faster than means.
class AddingCommunicator final : public PassingCommunicator {
 public:
  using PassingCommunicator::PassingCommunicator;
  bool is_sum_faster() const override { return true; }
  void all_reduce(at::Tensor& tensor, comm::Reduce reduce) override {
    EXPECT_NE(reduce, comm::Reduce::kMean);
    PassingCommunicator::all_reduce(tensor, reduce);
  }
  void reduce_scatter(at::Tensor& tensor, comm::Reduce reduce) override {
    EXPECT_NE(reduce, comm::Reduce::kMean);
    PassingCommunicator::reduce_scatter(tensor, reduce);
  }
};

TEST_P(TrainStep, WithSharesOfTheLossThatAreAddedEqualsOneRank) {
  const auto communicator = comm::make_mpi_communicator({});
  AddingCommunicator adding(*communicator);
  if (communicator->size() == 1) GTEST_SKIP() << "one rank has nothing to add";
  const int64_t portions = 2, batch = global_batch(communicator->size(), portions);
  comm::ExchangeOptions shared = in_buckets(comm::Exchange::kBuckets, 1 << 10);
  shared.shard_optimizer = true;
  const int steps = steps_of(*communicator, 4);
  const auto many =
      run(GetParam(), adding, batch, steps, {.exchange = shared, .accumulate = portions})
          ->to_state_dict();
  expect_near(
      many, of_one_rank(*communicator, many, [&](comm::Communicator& alone) {
        return run(GetParam(), alone, batch, steps, {.accumulate = portions})->to_state_dict();
      }));
}

TEST_P(TrainStep, RepeatsBitForBit) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t batch = global_batch(communicator->size());
  const int steps = steps_of(*communicator, 3);
  const Manner manner{.exchange = in_buckets(comm::Exchange::kBackground, 1 << 12)};
  const auto first = run(GetParam(), *communicator, batch, steps, manner)->to_state_dict();
  const auto second = run(GetParam(), *communicator, batch, steps, manner)->to_state_dict();
  for (size_t i = 0; i < first.tensors.size(); ++i) {
    EXPECT_TRUE(at::equal(first.tensors[i].second, second.tensors[i].second))
        << first.tensors[i].first;
  }
}

TEST_P(TrainStep, MovesEveryNetworkAndKeepsRanksEqual) {
  const auto communicator = comm::make_mpi_communicator({});
  const auto state = run(GetParam(), *communicator, global_batch(communicator->size()), 3);
  ops::CpuOps cpu;
  train::TrainState start(GetParam().model, {}, {*communicator, cpu, at::kDouble}, kSeed);
  const auto expect_moved = [&](train::Trained& trained, train::Trained& untrained) {
    EXPECT_FALSE(at::equal(trained.arena.values(), untrained.arena.values()));
    const at::Tensor all = communicator->all_gather(trained.arena.values().unsqueeze(0));
    for (int64_t r = 0; r < communicator->size(); ++r) EXPECT_TRUE(at::equal(all[r], all[0]));
  };
  expect_moved(state->g, start.g);
  EXPECT_EQ(state->d.has_value(), GetParam().model.has_discriminator());
  if (state->d) expect_moved(*state->d, *start.d);
  EXPECT_EQ(state->e.has_value(), GetParam().model.has_encoder());
  if (state->e) expect_moved(*state->e, *start.e);
}

// Warm-up and averages have begun; more steps would show rounding alone.
constexpr int64_t kReducedSteps = 4;

// c10d::Reducer of the same libtorch in place of our exchange, as DistributedDataParallel uses it.
class ReducedByPyTorch : public ::testing::TestWithParam<std::tuple<Case, size_t>> {};

TEST_P(ReducedByPyTorch, TrainsTheSameNetworks) {
  const auto& [test, bucket_bytes] = GetParam();
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t batch = global_batch(communicator->size());
  const auto bytes = static_cast<int64_t>(bucket_bytes);
  const auto ours = run(test, *communicator, batch, kReducedSteps,
                        {.exchange = in_buckets(comm::Exchange::kBuckets, bytes)})
                        ->to_state_dict();

  const auto theirs =
      run_reduced_by_pytorch(test, *communicator, batch, kReducedSteps, {}, bucket_bytes)
          ->to_state_dict();
  expect_near(ours, theirs);
}

// The norms' statistics of many ranks merged as on GPUs.
class EmulatedGpus : public ::testing::TestWithParam<Case> {};

TEST_P(EmulatedGpus, EqualOneRankOnTheCpu) {
  const auto communicator = comm::make_mpi_communicator({});
  const int64_t batch = global_batch(communicator->size());
  EmulatedGpu gpu;
  const auto many = run(GetParam(), *communicator, batch, 3, {.ops = &gpu.ops})->to_state_dict();
  expect_near(many, of_one_rank(*communicator, many, [&](comm::Communicator& alone) {
                return run(GetParam(), alone, batch, 3)->to_state_dict();
              }));
}

INSTANTIATE_TEST_SUITE_P(Systems, EmulatedGpus,
                         ::testing::Values(Case{"StridedBatchNormLogistic",
                                                small(model::Block::kStrided, model::DNorm::kBatch,
                                                      model::Layout::kCompareGan),
                                                loss::Kind::kLogistic},
                                           Case{"ConvBiganSimultaneous", conv_bigan(),
                                                loss::Kind::kLogistic, true, 1e-3},
                                           Case{"ConditionalAutoencoder", conditional_autoencoder(),
                                                loss::Kind::kLogistic}),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(Systems, ReducedByPyTorch,
                         ::testing::Combine(::testing::ValuesIn(all_cases()),
                                            ::testing::Values(size_t{1}, size_t{1} << 30)),
                         [](const auto& info) {
                           return std::get<0>(info.param).name +
                                  (std::get<1>(info.param) == 1 ? "OfOneByte" : "OfOneGib");
                         });

INSTANTIATE_TEST_SUITE_P(Systems, TrainStep, ::testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace bbg
