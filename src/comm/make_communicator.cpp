#include "comm/make_communicator.h"

#include "comm/nccl_communicator.h"
#include "core/error.h"

namespace bbg::comm {

void CommOptions::declare(core::OptionTable& table) {
  table.add("comm.backend", &backend,
            {{"auto", Backend::kAuto}, {"mpi", Backend::kMpi}, {"nccl", Backend::kNccl}},
            "What carries gradients: auto takes nccl on a GPU, else mpi");
  table
      .add("comm.deadline-ms", &deadline_ms,
           "Longest wait in one collective before the job ends with exit code 75; 0 waits for ever")
      .unit("ms")
      .at_least(0);
}

std::unique_ptr<Communicator> make_data_plane(const CommOptions& options, const at::Device& device,
                                              Communicator& control) {
  const bool is_mpi =
      options.backend == Backend::kMpi || (options.backend == Backend::kAuto && !device.is_cuda());
  if (is_mpi) {
    if (device.is_cuda()) {
      throw core::UsageError("comm.backend = mpi cannot reduce tensors of device " + device.str(),
                             "set comm.backend to auto or nccl, or compute.device to cpu");
    }
    return nullptr;
  }
  if (!device.is_cuda()) {
    throw core::UsageError("comm.backend = nccl needs a GPU, but compute.device is " + device.str(),
                           "set comm.backend to auto or mpi");
  }
#ifdef BBG_CUDA
  return make_nccl_communicator(device, options.deadline_ms, control);
#else
  (void)control;
  throw core::UsageError("this bbg_dist was built without CUDA (BBG_CUDA=OFF)",
                         "run launch/setup without --cpu and build again");
#endif
}

#ifndef BBG_CUDA
std::string nccl_version() { return ""; }
#endif

}  // namespace bbg::comm
