#pragma once
// Runs the kernels in src/ops/kernels without a GPU, for tests of their arithmetic and of the
// host code that starts them: compiled by the host's compiler, the threads of a block one after the
// other from barrier to barrier. What is asked of them is CUDA's, as far as our kernels go:
// threadIdx and its kin along x, y and z, static shared memory, __syncthreads(). Tensors are the
// host's.
//
// Blocks do not run at the same time, and threads in one order; in the other order (Order) a kernel
// that lacks a barrier gives something else.

#include "ops/kernel_program.h"

namespace bbg::testing {

enum class Order { kForward, kBackward };  // of blocks, and of a block's threads between barriers

// Makes programs of the sources that emulated_kernels.cpp has compiled.
ops::MakeKernelProgram emulated(Order order);

// While it lives, the host counts as a GPU.
class EmulatedGpu {
 public:
  EmulatedGpu() { ops::emulate_gpu(emulated(Order::kForward)); }
  ~EmulatedGpu() { ops::emulate_gpu(nullptr); }
  EmulatedGpu(const EmulatedGpu&) = delete;
  EmulatedGpu& operator=(const EmulatedGpu&) = delete;
};

// Kernels that have been started since the program began.
int64_t num_launches();

}  // namespace bbg::testing
