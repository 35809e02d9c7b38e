// main of the tests on a GPU: as mpi_main.cpp, and without MPI where there is no GPU, since all are
// skipped then.
#include <gtest/gtest.h>

#include <optional>

#include "comm/make_communicator.h"
#include "support/has_gpu.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  std::optional<bbg::comm::MpiSession> session;
  if (!GTEST_FLAG_GET(list_tests) && bbg::testing::has_gpu()) session.emplace();
  return RUN_ALL_TESTS();
}
