// Training on a GPU, of every system: as on the CPU with as many ranks, however gradients travel;
// the same recorded as CUDA graphs; and without a wait for the device.
#include <c10/cuda/CUDAFunctions.h>

#include "support/global_batch.h"
#include "support/gpu_test.h"
#include "support/reduced_by_pytorch.h"
#include "support/training_case.h"

namespace bbg {
namespace {

using namespace testing;

class GpuTraining : public OnGpu<::testing::TestWithParam<Case>> {
 protected:
  TrainedRun on_gpu(int64_t steps, Manner manner = {}, const Hooks& hooks = {}) {
    manner.device = device_;
    manner.ops = ops_.get();
    return run(GetParam(), *communicator_, batch(), steps, manner, hooks);
  }
  int64_t batch() const { return global_batch(communicator_->size(), 2); }
  bool is_alone() const { return communicator_->size() == 1; }
};

// float64 sums in another order, amplified by Adam; and its rate is a float32 there.
void expect_close(const core::StateDict& gpu, const core::StateDict& cpu) {
  const auto found = by_name(gpu);
  for (const auto& [name, tensor] : cpu.tensors) {
    EXPECT_TRUE(at::allclose(found.at(name), tensor, 1e-7, 1e-7))
        << name << " differs by " << (found.at(name) - tensor).abs().max().item<double>();
  }
}

void expect_equal(const core::StateDict& one, const core::StateDict& other) {
  for (size_t i = 0; i < one.tensors.size(); ++i) {
    EXPECT_TRUE(at::equal(one.tensors[i].second, other.tensors[i].second)) << one.tensors[i].first;
  }
}

TEST_P(GpuTraining, IsThatOfTheCpu) {
  const auto cpu = run(GetParam(), *control_, batch(), 4)->to_state_dict();
  expect_close(on_gpu(4)->to_state_dict(), cpu);
  Manner manner{.exchange = in_buckets(comm::Exchange::kBuckets, 1)};
  expect_close(on_gpu(4, manner)->to_state_dict(), cpu);
  manner.exchange.nccl_window = true;
  expect_close(on_gpu(4, manner)->to_state_dict(), cpu);
  manner.exchange.shard_optimizer = true;
  expect_close(on_gpu(4, manner)->to_state_dict(), cpu);
}

// Over PyTorch's NCCL process group.
TEST_P(GpuTraining, IsThatWithGradientsReducedByPyTorch) {
  const auto ours =
      on_gpu(4, {.exchange = in_buckets(comm::Exchange::kBuckets, 1 << 20)})->to_state_dict();
  const auto theirs = run_reduced_by_pytorch(GetParam(), *communicator_, batch(), 4,
                                             {.device = device_, .ops = ops_.get()}, 1 << 20)
                          ->to_state_dict();
  expect_close(theirs, ours);
}

TEST_P(GpuTraining, InPortionsWithNormsOfOneRankIsThatOfTheCpu) {
  const Manner manner{.accumulate = 2, .norm_group = "1"};
  const auto cpu = run(GetParam(), *control_, batch(), 3, manner)->to_state_dict();
  expect_close(on_gpu(3, manner)->to_state_dict(), cpu);
}

TEST_P(GpuTraining, RepeatsBitForBitAndSoDoesARecordedOne) {
  const auto first = on_gpu(5)->to_state_dict();
  expect_equal(on_gpu(5)->to_state_dict(), first);
  if (!is_alone()) return;  // graphs of two ranks on one GPU wait for each other for ever
  expect_equal(on_gpu(5, {.cuda_graphs = true})->to_state_dict(), first);
  const Manner portions{.exchange = {.wire = comm::Wire::kBfloat16}, .accumulate = 2};
  Manner recorded = portions;
  recorded.cuda_graphs = true;
  expect_equal(on_gpu(5, recorded)->to_state_dict(), on_gpu(5, portions)->to_state_dict());
}

TEST_P(GpuTraining, WaitsForTheDeviceInNoUpdate) {
  for (const bool is_recorded : {false, true}) {
    if (is_recorded && !is_alone()) break;
    int64_t updates = 0;
    auto& state = c10::cuda::warning_state();
    Hooks hooks;
    hooks.before_update = [&](bool) {
      // Libraries that load their kernels may wait.
      if (++updates > 4) state.set_sync_debug_mode(c10::cuda::SyncDebugMode::L_ERROR);
    };
    hooks.after_update = [&] { state.set_sync_debug_mode(c10::cuda::SyncDebugMode::L_DISABLED); };
    EXPECT_NO_THROW(on_gpu(6, {.cuda_graphs = is_recorded}, hooks));
    hooks.after_update();
  }
}

INSTANTIATE_TEST_SUITE_P(Systems, GpuTraining, ::testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace bbg
