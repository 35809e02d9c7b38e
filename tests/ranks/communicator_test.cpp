#include <gtest/gtest.h>

#include "comm/make_communicator.h"
#include "support/communicator_contract.h"

namespace bbg {
namespace {

TEST(MpiCommunicator, KeepsTheContract) {
  const auto communicator = comm::make_mpi_communicator({});
  EXPECT_EQ(communicator->name(), "mpi");
  testing::expect_communicator_contract(*communicator, at::kCPU);
}

TEST(MpiCommunicator, RepeatsAFloatSumBitForBit) {
  const auto communicator = comm::make_mpi_communicator({});
  at::Tensor first;
  for (int round = 0; round < 5; ++round) {
    at::Tensor values = at::sin(at::arange(100003, at::kFloat) * (1.0 + communicator->rank()));
    communicator->all_reduce(values, comm::Reduce::kMean);
    if (round == 0) first = values;
    EXPECT_TRUE(at::equal(values, first));
  }
  // All ranks hold equal bits.
  const at::Tensor all = communicator->all_gather(first.unsqueeze(0));
  for (int64_t r = 0; r < communicator->size(); ++r) EXPECT_TRUE(at::equal(all[r], first));
}

TEST(MpiCommunicator, LivesBesideAnother) {
  const auto first = comm::make_mpi_communicator({});
  const auto second = comm::make_mpi_communicator({});
  at::Tensor a = at::ones({3}), b = at::full({3}, 2.0);
  first->all_reduce(a, comm::Reduce::kSum);
  second->all_reduce(b, comm::Reduce::kSum);
  EXPECT_TRUE(at::equal(b, a * 2));
}

}  // namespace
}  // namespace bbg
