#include "ops/ops.h"

#include "ops/cpu_ops.h"
#include "ops/cuda_program.h"
#include "ops/gpu_ops.h"
#include "ops/plain_ops.h"

namespace bbg::ops {

std::unique_ptr<Ops> make_ops(at::Device device) {
  if (device.is_cuda()) {
    return std::make_unique<GpuOps>(make_cuda_program, supports_bfloat16(device));
  }
  if (device.is_cpu()) return std::make_unique<CpuOps>();
  return std::make_unique<PlainOps>();
}

}  // namespace bbg::ops
