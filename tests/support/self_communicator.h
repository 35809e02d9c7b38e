#pragma once
// The communicator of one rank without MPI, by the name that tests use.

#include "comm/self_communicator.h"

namespace bbg::testing {

using comm::SelfCommunicator;

}  // namespace bbg::testing
