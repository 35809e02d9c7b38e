#pragma once
// Kernels for a GPU, as the host starts them: compiled by NVRTC (cuda_program.h), or by a test that
// runs them without a GPU.

#include <ATen/core/Tensor.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "ops/kernels/list.h"

namespace bbg::ops {

class KernelProgram {
 public:
  virtual ~KernelProgram() = default;
  // Enqueues on the device's current stream. `arguments` point to values of the kernel's types.
  virtual void launch(const Kernel& kernel, std::array<int64_t, 3> blocks, int threads,
                      std::vector<const void*> arguments) const = 0;
};

struct KernelSource {
  std::string name, text;
  std::vector<Kernel> kernels;  // those that are started
};

// Makes the program of `source`, with definitions as "NAME=value", for the device.
using MakeKernelProgram = std::function<std::unique_ptr<KernelProgram>(
    const KernelSource& source, const std::vector<std::string>& definitions, at::Device device)>;

// The programs of one source, each made at its first use. All threads may use it.
class KernelPrograms {
 public:
  KernelPrograms(KernelSource source, MakeKernelProgram make)
      : source_(std::move(source)), make_(std::move(make)) {}

  // The program for values that lie in memory as `stored` and are `arithmetic` when they are added
  // and multiplied; width: BBG_WIDTH of the source, where it has one.
  const KernelProgram& of(at::ScalarType stored, at::ScalarType arithmetic, int64_t width,
                          at::Device device);

  // float32, float64 or, in memory, bfloat16.
  static std::vector<std::string> definitions(at::ScalarType stored, at::ScalarType arithmetic,
                                              int64_t width);

 private:
  KernelSource source_;
  MakeKernelProgram make_;
  std::mutex mutex_;
  std::map<std::tuple<at::ScalarType, at::ScalarType, int64_t, int>, std::unique_ptr<KernelProgram>>
      programs_;
};

// Arguments of kernels: where a tensor's values are; null where it is undefined.
inline const void* data_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr() : nullptr;
}
// The number of blocks that take `of` each.
inline int64_t blocks_for(int64_t whole, int64_t of) { return (whole + of - 1) / of; }

// The sources in src/ops/kernels.
KernelSource norm_source();
KernelSource weights_source();

}  // namespace bbg::ops
