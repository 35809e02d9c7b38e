#include "app/device.h"

#include <ATen/Context.h>
#include <sched.h>

#include <algorithm>
#include <thread>

#include "core/error.h"

namespace bbg::app {

at::TensorOptions choose_device(const ComputeOptions& options,
                                const comm::Communicator& communicator) {
  const at::ScalarType type = options.dtype == "float64" ? at::kDouble : at::kFloat;
  // hasCUDA() asks the driver; on a machine without one it is false, whatever was compiled in.
  const int64_t gpus = at::hasCUDA() ? static_cast<int64_t>(at::getNumGPUs()) : 0;
  const bool enough = gpus >= communicator.local_size();
  if (options.device == "cpu" || (options.device == "auto" && !enough)) {
    return at::TensorOptions(at::kCPU).dtype(type);
  }
  if (!enough) {
    throw core::UsageError(
        "compute.device = cuda, but this host has " + std::to_string(gpus) +
            " visible GPU(s) for " + std::to_string(communicator.local_size()) + " rank(s)",
        "start as many ranks a host as it has GPUs, or set compute.device = cpu");
  }
  return at::TensorOptions(
             at::Device(at::kCUDA, static_cast<at::DeviceIndex>(communicator.local_rank())))
      .dtype(type);
}

int choose_threads(const ComputeOptions& options, const comm::Communicator& communicator) {
  if (options.threads > 0) return static_cast<int>(options.threads);
  const int online = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  cpu_set_t bound;
  CPU_ZERO(&bound);
  const int own = sched_getaffinity(0, sizeof bound, &bound) == 0 ? CPU_COUNT(&bound) : online;
  // A launcher that binds ranks has divided the cores already.
  return own < online ? own : std::max(1, online / communicator.local_size());
}

}  // namespace bbg::app
