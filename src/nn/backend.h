#pragma once
// The means that a network computes with. All outlive the networks; one Ops serves a whole run, so
// that its networks share compiled kernels.

#include "comm/communicator.h"
#include "ops/ops.h"

namespace bbg::nn {

struct Backend {
  comm::Communicator& communicator;  // for cross-replica norm
  ops::Ops& ops;                     // for the device of the tensors
  at::TensorOptions tensor_options;
};

}  // namespace bbg::nn
