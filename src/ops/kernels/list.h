#pragma once
// The kernels that host code starts: the one list of them. Programs look these names up, launches
// take nothing else, and the emulator of the tests compiles all of them.

namespace bbg::ops {

struct Kernel {
  const char* name;
  bool has_barrier;  // threads of a block wait for each other
};

// KERNEL(name, has_barrier)
#define BBG_NORM_KERNELS(KERNEL)     \
  KERNEL(moments, true)              \
  KERNEL(finish_moments, true)       \
  KERNEL(merge_moments, false)       \
  KERNEL(forward, false)             \
  KERNEL(gradient_sums, true)        \
  KERNEL(finish_gradient_sums, true) \
  KERNEL(gradient_input, false)      \
  KERNEL(add_epilogue, false)

#define BBG_WEIGHT_KERNELS(KERNEL) \
  KERNEL(add_tiles, false)         \
  KERNEL(add_columns, true)        \
  KERNEL(multiply_rows, true)      \
  KERNEL(finish_iterations, true)  \
  KERNEL(make_effective, true)     \
  KERNEL(fold_gradient, true)      \
  KERNEL(add_products, true)       \
  KERNEL(finish_gradient, false)

#define BBG_NAME_KERNEL(name, has_barrier) inline constexpr Kernel name{#name, has_barrier};
namespace norm_kernels {
BBG_NORM_KERNELS(BBG_NAME_KERNEL)
}
namespace weight_kernels {
BBG_WEIGHT_KERNELS(BBG_NAME_KERNEL)
}
#undef BBG_NAME_KERNEL

}  // namespace bbg::ops
