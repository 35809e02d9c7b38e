#pragma once
// Runs the kernels in src/ops/kernels without a GPU, for tests of their arithmetic and of the
// host code that starts them: compiled by the host's compiler, the threads of a block one after the
// other from barrier to barrier. What is asked of them is CUDA's, as far as our kernels go:
// threadIdx and its kin along x, y and z, static shared memory, __syncthreads(). Tensors are the
// host's.
//
// Blocks do not run at the same time, and threads in one order; in the other order (Order) a kernel
// that lacks a barrier gives something else.

#include "ops/gpu_ops.h"

namespace bbg::testing {

enum class Order { kForward, kBackward };  // for blocks, and for a block's threads between barriers

// Makes programs of the sources in src/ops/kernels. num_launches: counts the kernels that are
// started, and outlives the programs.
ops::MakeKernelProgram emulated(Order order, int64_t& num_launches);

// A GPU's implementation on the host. One thread at a time.
struct EmulatedGpu {
  explicit EmulatedGpu(Order order = Order::kForward) : ops(emulated(order, num_launches), true) {}

  int64_t num_launches = 0;
  ops::GpuOps ops;
};

}  // namespace bbg::testing
