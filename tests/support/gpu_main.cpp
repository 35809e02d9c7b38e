// main of the tests on a GPU: as mpi_main.cpp, and without MPI where there is no GPU, since all are
// skipped then.
#include <ATen/Context.h>
#include <gtest/gtest.h>

#include <optional>

#include "comm/make_communicator.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  std::optional<bbg::comm::MpiSession> session;
  if (!GTEST_FLAG_GET(list_tests) && at::hasCUDA() && at::getNumGPUs() > 0) session.emplace();
  return RUN_ALL_TESTS();
}
