#pragma once
// Communicator over NCCL for one CUDA device. Collectives run on the device's current stream;
// its control plane is that of an MPI communicator which is split off `control`, which must outlive
// this object. Its watchdog watches the GPU's collectives too: all but those that are
// recorded into a CUDA graph. Defined only with BBG_CUDA.

#include <memory>

#include "comm/communicator.h"

namespace bbg::comm {

std::unique_ptr<Communicator> make_nccl_communicator(const at::Device& device, int64_t deadline_ms,
                                                     Communicator& control);

}  // namespace bbg::comm
