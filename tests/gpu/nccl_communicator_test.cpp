// The NCCL communicator on a GPU: the same contract as MPI's. Run alone, and by two ranks that
// share one GPU (tests/CMakeLists.txt).
#include "support/communicator_contract.h"
#include "support/gpu_test.h"

namespace bbg {
namespace {

using NcclCommunicator = testing::OnGpu<::testing::Test>;

TEST_F(NcclCommunicator, KeepsTheContract) {
  EXPECT_EQ(communicator_->name(), "nccl");
  testing::expect_communicator_contract(*communicator_, device_);
}

TEST_F(NcclCommunicator, MemoryThatItGivesOutlivesIt) {
  const at::Tensor memory = testing::expect_shared_zeros(*communicator_, device_);
  const at::Tensor before = memory.cpu();
  communicator_.reset();
  EXPECT_TRUE(at::equal(memory.cpu(), before));
}

TEST_F(NcclCommunicator, LoadsTheVersionItWasBuiltAgainst) {
  EXPECT_EQ(comm::nccl_version(), "2.28.9");
}

}  // namespace
}  // namespace bbg
