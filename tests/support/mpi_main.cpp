// main of the tests that run under mpirun: MPI around everything, and a run fails if any rank's
// tests fail.
#include <gtest/gtest.h>

#include "comm/make_communicator.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const bbg::comm::MpiSession session;
  return RUN_ALL_TESTS();
}
