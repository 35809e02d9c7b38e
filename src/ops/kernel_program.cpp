#include "ops/kernel_program.h"

#include "core/error.h"

namespace bbg::ops {

namespace {

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

}  // namespace bbg::ops
