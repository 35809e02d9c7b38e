#pragma once
// Which device and how many threads a rank computes with.

#include <ATen/ATen.h>

#include "app/run_config.h"
#include "comm/communicator.h"

namespace bbg::app {

// CUDA device = local rank; UsageError where there are fewer GPUs than ranks on this host.
at::TensorOptions choose_device(const ComputeOptions& options,
                                const comm::Communicator& communicator);

// Cores of this process divided by the ranks that share them, at least 1; or the option where it is
// set.
int choose_threads(const ComputeOptions& options, const comm::Communicator& communicator);

}  // namespace bbg::app
