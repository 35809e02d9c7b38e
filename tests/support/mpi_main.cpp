// main of the tests that run under mpirun: MPI around everything, and a run fails if any rank's
// tests fail.
#include <gtest/gtest.h>

#include "comm/make_communicator.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  // The build asks for the names of tests where no launcher is.
  if (GTEST_FLAG_GET(list_tests)) return RUN_ALL_TESTS();
  const bbg::comm::MpiSession session;
  return RUN_ALL_TESTS();
}
