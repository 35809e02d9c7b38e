#include "core/cuda_error.h"

#include <gtest/gtest.h>

namespace bbg::core {
namespace {

TEST(CudaError, ThatLeavesTheContextUselessAsksForARestart) {
  // An illegal address, a failed launch, memory or a link whose errors cannot be corrected.
  for (const int sticky : {700, 719, 214, 220}) {
    const SystemError error = cuda_error(sticky, "cudaLaunchKernel", "forward", "sticky", 3);
    EXPECT_EQ(exit_code_of(error), kExitRestart) << sticky;
    EXPECT_EQ(std::string(error.what()), "cudaLaunchKernel failed for forward: sticky (code " +
                                             std::to_string(sticky) + ") on rank 3");
  }
}

TEST(CudaError, OfProgramOrInstallationDoesNot) {
  // An invalid value, a driver that is too old, no code for this GPU.
  for (const int lasting : {1, 35, 209}) {
    EXPECT_EQ(exit_code_of(cuda_error(lasting, "call", "", "cause")), kExitFailure) << lasting;
  }
}

}  // namespace
}  // namespace bbg::core
