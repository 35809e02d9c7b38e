#include "ops/cuda_program.h"

#ifdef BBG_CUDA

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <nvrtc.h>

#include "core/cuda_error.h"
#include "core/error.h"

namespace bbg::ops {

namespace {

void check(nvrtcResult code, const char* call, const std::string& log = "") {
  if (code == NVRTC_SUCCESS) return;
  throw core::SystemError({.call = call,
                           .object = "",
                           .cause = nvrtcGetErrorString(code) + (log.empty() ? "" : ": " + log),
                           .code = code});
}

void check(cudaError_t code, const char* call, const std::string& object) {
  if (code != cudaSuccess) throw core::cuda_error(code, call, object, cudaGetErrorString(code));
}

std::string architecture_of(at::Device device) {
  int major = 0, minor = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index()),
        "cudaDeviceGetAttribute", device.str());
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device.index()),
        "cudaDeviceGetAttribute", device.str());
  return "sm_" + std::to_string(major) + std::to_string(minor);
}

class CudaProgram final : public KernelProgram {
 public:
  CudaProgram(const KernelSource& source, const std::vector<std::string>& definitions,
              at::Device device)
      : device_(device) {
    const std::vector<char> code = compile_cuda(source.text, architecture_of(device), definitions);
    cudaLibrary_t library = nullptr;
    check(cudaLibraryLoadData(&library, code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
          "cudaLibraryLoadData", device.str());
    for (const Kernel& kernel : source.kernels) {
      cudaKernel_t found = nullptr;
      check(cudaLibraryGetKernel(&found, library, kernel.name), "cudaLibraryGetKernel",
            kernel.name);
      kernels_[kernel.name] = found;
    }
  }

  void launch(const Kernel& kernel, std::array<int64_t, 3> blocks, int threads,
              std::vector<const void*> arguments) const override {
    const c10::cuda::CUDAGuard guard(device_);
    std::vector<void*> values;
    for (const void* value : arguments) values.push_back(const_cast<void*>(value));
    const dim3 grid(static_cast<unsigned>(blocks[0]), static_cast<unsigned>(blocks[1]),
                    static_cast<unsigned>(blocks[2]));
    check(cudaLaunchKernel(kernels_.at(kernel.name), grid, dim3(static_cast<unsigned>(threads)),
                           values.data(), 0,
                           c10::cuda::getCurrentCUDAStream(device_.index()).stream()),
          "cudaLaunchKernel", kernel.name);
  }

 private:
  at::Device device_;
  std::map<std::string, void*> kernels_;
};

}  // namespace

std::vector<char> compile_cuda(const std::string& source, const std::string& architecture,
                               const std::vector<std::string>& definitions) {
  nvrtcProgram program = nullptr;
  check(nvrtcCreateProgram(&program, source.c_str(), "kernels.cu", 0, nullptr, nullptr),
        "nvrtcCreateProgram");
  const auto destroy = [](nvrtcProgram* one) { nvrtcDestroyProgram(one); };
  const std::unique_ptr<nvrtcProgram, decltype(destroy)> owner(&program, destroy);
  std::vector<std::string> words = {"--std=c++17", "--gpu-architecture=" + architecture};
  for (const std::string& definition : definitions) words.push_back("-D" + definition);
  std::vector<const char*> options;
  for (const std::string& word : words) options.push_back(word.c_str());
  const nvrtcResult result =
      nvrtcCompileProgram(program, static_cast<int>(options.size()), options.data());
  size_t size = 0;
  if (result != NVRTC_SUCCESS) {
    check(nvrtcGetProgramLogSize(program, &size), "nvrtcGetProgramLogSize");
    std::string log(size, '\0');
    check(nvrtcGetProgramLog(program, log.data()), "nvrtcGetProgramLog");
    check(result, "nvrtcCompileProgram", log.c_str());
  }
  check(nvrtcGetCUBINSize(program, &size), "nvrtcGetCUBINSize");
  std::vector<char> code(size);
  check(nvrtcGetCUBIN(program, code.data()), "nvrtcGetCUBIN");
  return code;
}

bool supports_bfloat16(at::Device device) {
  if (!device.is_cuda()) return false;
  int major = 0;
  return cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index()) ==
             cudaSuccess &&
         major >= 8;  // older ones have none
}

std::unique_ptr<KernelProgram> make_cuda_program(const KernelSource& source,
                                                 const std::vector<std::string>& definitions,
                                                 at::Device device) {
  return std::make_unique<CudaProgram>(source, definitions, device);
}

}  // namespace bbg::ops

#else

#include "core/error.h"

namespace bbg::ops {

std::vector<char> compile_cuda(const std::string&, const std::string&,
                               const std::vector<std::string>&) {
  BBG_CHECK(false, "built without CUDA");
}
bool supports_bfloat16(at::Device) { return false; }
std::unique_ptr<KernelProgram> make_cuda_program(const KernelSource&,
                                                 const std::vector<std::string>&, at::Device) {
  BBG_CHECK(false, "built without CUDA");
}

}  // namespace bbg::ops

#endif  // BBG_CUDA
