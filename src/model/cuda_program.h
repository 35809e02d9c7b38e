#pragma once
// CUDA C++ compiled at first use by NVRTC, which comes with libtorch, so that building needs no
// CUDA compiler. Compiled only with BBG_CUDA. All threads may use it.

#include <c10/core/Device.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bbg::model {

// The machine code of a program for GPUs of this kind, as "sm_90"; needs no GPU. SystemError with
// the compiler's own words where it does not compile.
std::vector<char> compile_cuda(const std::string& source, const std::string& architecture,
                               const std::vector<std::string>& definitions);

class CudaProgram {
 public:
  // For the GPU `device`; `source` has extern "C" kernels of the names `kernels`.
  CudaProgram(const std::string& source, const std::vector<std::string>& definitions,
              const std::vector<std::string>& kernels, at::Device device);
  CudaProgram(const CudaProgram&) = delete;  // code stays loaded until the process ends
  CudaProgram& operator=(const CudaProgram&) = delete;

  // Enqueues on the device's current stream. `arguments` point to values of the kernel's types.
  void launch(const std::string& kernel, std::array<int64_t, 3> blocks, int threads,
              std::vector<const void*> arguments) const;

 private:
  at::Device device_;
  std::map<std::string, void*> kernels_;
};

}  // namespace bbg::model
