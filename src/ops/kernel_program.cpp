#include "ops/kernel_program.h"

#include "core/error.h"
#include "ops/cuda_program.h"

namespace bbg::ops {

namespace {

MakeKernelProgram& emulation() {
  static MakeKernelProgram make;
  return make;
}

bool is_emulated(at::Device device) { return device.is_cpu() && emulation() != nullptr; }

std::string name_of(at::ScalarType type) {
  BBG_CHECK(type == at::kFloat || type == at::kDouble || type == at::kBFloat16,
            std::string("kernels take no ") + at::toString(type));
  return type == at::kBFloat16 ? "unsigned short" : type == at::kDouble ? "double" : "float";
}

}  // namespace

std::vector<std::string> KernelPrograms::definitions(at::ScalarType stored,
                                                     at::ScalarType arithmetic, int64_t width) {
  return {"BBG_STORED=" + name_of(stored), "BBG_ARITHMETIC=" + name_of(arithmetic),
          "BBG_WIDTH=" + std::to_string(width)};
}

const KernelProgram& KernelPrograms::of(at::ScalarType stored, at::ScalarType arithmetic,
                                        int64_t width, at::Device device) {
  const std::tuple key(stored, arithmetic, width, static_cast<int>(device.index()));
  const std::lock_guard lock(mutex_);
  std::unique_ptr<KernelProgram>& program = programs_[key];
  if (!program) program = make_(source_, definitions(stored, arithmetic, width), device);
  return *program;
}

std::unique_ptr<KernelProgram> make_kernel_program(const KernelSource& source,
                                                   const std::vector<std::string>& definitions,
                                                   at::Device device) {
  return is_emulated(device) ? emulation()(source, definitions, device)
                             : make_cuda_program(source, definitions, device);
}

bool is_gpu(at::Device device) { return device.is_cuda() || is_emulated(device); }

bool runs_kernels(at::Device device, at::ScalarType stored) {
  return is_emulated(device) || has_instructions(device, stored);
}

void emulate_gpu(MakeKernelProgram make) { emulation() = std::move(make); }

}  // namespace bbg::ops
