#pragma once
// CUDA C++ compiled at first use by NVRTC, which comes with libtorch, so that building needs no
// CUDA compiler. All threads may use it. Without BBG_CUDA nothing runs and nothing is compiled.

#include <memory>
#include <string>
#include <vector>

#include "ops/kernel_program.h"

namespace bbg::ops {

// The machine code of a program for GPUs of this kind, as "sm_90"; needs no GPU. SystemError with
// the compiler's own words where it does not compile.
std::vector<char> compile_cuda(const std::string& source, const std::string& architecture,
                               const std::vector<std::string>& definitions);

// Whether the device is a GPU that has instructions for bfloat16.
bool supports_bfloat16(at::Device device);

// A program whose code stays loaded until the process ends.
std::unique_ptr<KernelProgram> make_cuda_program(const KernelSource& source,
                                                 const std::vector<std::string>& definitions,
                                                 at::Device device);

}  // namespace bbg::ops
