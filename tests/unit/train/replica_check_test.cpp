#include "train/replica_check.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "ops/cpu_ops.h"
#include "support/threads_communicator.h"

namespace bbg::train {
namespace {

// Three ranks with equal states; `spoil` then changes the states of some.
std::string verdict(const std::function<void(TrainState&, int rank)>& spoil) {
  model::ModelOptions model;
  model.block = model::Block::kStrided;
  model.d_norm = model::DNorm::kBatch;
  model.resolution = 16;
  model.z_dim = 4;
  model.width = model.e_width = 2;
  model.h_width = model.j_width = model.e_head_width = 4;
  std::mutex mutex;
  std::set<std::string> answers;
  bbg::testing::run_ranks(3, [&](comm::Communicator& communicator) {
    ops::CpuOps cpu;
    TrainState state(model, {}, {communicator, cpu, at::kFloat}, 1);
    {
      const at::NoGradGuard no_grad;
      spoil(state, communicator.rank());
    }
    const std::string answer = differing_replicas(state, communicator);
    const std::lock_guard lock(mutex);
    answers.insert(answer);
  });
  EXPECT_EQ(answers.size(), 1u);  // every rank says the same
  return *answers.begin();
}

at::Tensor tensor_of(const TrainState& state, const std::string& name) {
  for (const auto& entry : state.replicas()) {
    if (entry.name == name) return entry.tensor;
  }
  ADD_FAILURE() << name;
  return {};
}

TEST(ReplicaCheck, FindsNothingWhereAllAreEqual) {
  EXPECT_EQ(verdict([](TrainState&, int) {}), "");
}

TEST(ReplicaCheck, NamesTensorAndRankOfASingleChangedBit) {
  size_t checked = 0;
  for (const std::string name :
       {"G.norm0.running_mean", "D_adam.second.score_x.weight", "E_average.norms.1.running_var"}) {
    const std::string text = verdict([&](TrainState& state, int rank) {
      if (rank != 1) return;
      const at::Tensor flat = tensor_of(state, name).view({-1}).view(at::kInt);
      flat[0].bitwise_xor_(1);
    });
    EXPECT_THAT(text, ::testing::HasSubstr("'" + name + "' differs on rank(s) 1 of 3 (1 of "));
    ++checked;
  }
  EXPECT_EQ(checked, 3u);
}

TEST(ReplicaCheck, OfSeveralTellsTheFirstAndTheNumber) {
  const std::string text = verdict([](TrainState& state, int rank) {
    if (rank == 2) state.d->arena.values().add_(1);
    if (rank == 0) state.g.adam.steps().add_(1);
  });
  EXPECT_THAT(text, ::testing::HasSubstr("'D."));
  EXPECT_THAT(text, ::testing::HasSubstr("differs on rank(s) 2 of 3"));
}

}  // namespace
}  // namespace bbg::train
