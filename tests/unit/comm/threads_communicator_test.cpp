#include "support/threads_communicator.h"

#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "support/communicator_contract.h"

namespace bbg::testing {
namespace {

TEST(SelfCommunicator, KeepsTheContract) {
  comm::SelfCommunicator communicator;
  expect_communicator_contract(communicator, at::kCPU);
}

TEST(ThreadsCommunicator, KeepsTheContract) {
  for (const int size : {1, 2, 3}) {
    run_ranks(size, [](comm::Communicator& communicator) {
      expect_communicator_contract(communicator, at::kCPU);
    });
  }
}

TEST(ThreadsCommunicator, FailsOnAllRanksWhenOneThrows) {
  EXPECT_THROW(run_ranks(3,
                         [](comm::Communicator& communicator) {
                           if (communicator.rank() == 1) throw std::out_of_range("rank 1");
                           communicator.barrier();
                         }),
               std::out_of_range);
}

TEST(ThreadsCommunicator, RefusesUnequalTensors) {
  EXPECT_THROW(run_ranks(2,
                         [](comm::Communicator& communicator) {
                           at::Tensor own = at::zeros({communicator.rank() + 1});
                           communicator.all_reduce(own, comm::Reduce::kSum);
                         }),
               std::logic_error);
}

}  // namespace
}  // namespace bbg::testing
