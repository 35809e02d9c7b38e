#pragma once
// Whether tests on a GPU can run here, and what they say where not; tests/CMakeLists.txt knows it.

#include <ATen/Context.h>

#include "core/gpu_library.h"

namespace bbg::testing {

inline constexpr const char* kNoGpu = "no GPU on this machine";

inline bool has_gpu() {
  core::open_gpu_library();
  return at::hasCUDA() && at::getNumGPUs() > 0;
}

}  // namespace bbg::testing
