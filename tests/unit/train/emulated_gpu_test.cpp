// Training as on a GPU, its kernels and what the layers do around them, run on the host by
// support/cuda_emulator.h: every system trains the same networks as on the CPU.
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "support/cuda_emulator.h"
#include "support/training_case.h"

namespace bbg {
namespace {

using namespace testing;

class TrainingOnEmulatedGpu : public ::testing::TestWithParam<Case> {};

TEST_P(TrainingOnEmulatedGpu, IsThatOfTheCpu) {
  comm::SelfCommunicator alone;
  Manner manner;
  manner.accumulate = 2;
  const auto cpu = run(GetParam(), alone, 4, 3, manner)->to_state_dict();
  EmulatedGpu emulated_gpu;
  manner.ops = &emulated_gpu.ops;
  const auto gpu = run(GetParam(), alone, 4, 3, manner)->to_state_dict();
  EXPECT_GT(emulated_gpu.num_launches, 0);
  expect_near(gpu, cpu);
}

INSTANTIATE_TEST_SUITE_P(Systems, TrainingOnEmulatedGpu, ::testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace bbg
