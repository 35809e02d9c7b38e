// The beginning of the sources of all kernels, after layout.h. S: a value in memory (bfloat16 as
// its bits), T: the type of the arithmetic. They are compiled by NVRTC (cuda_program.h) and, for
// tests, by the host's compiler (tests/support/cuda_emulator.h).
#ifndef BBG_KERNEL
#define BBG_KERNEL extern "C" __global__
#endif

#ifndef BBG_EMULATED
__device__ unsigned short bfloat16_bits(float value) {  // to nearest even
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
#endif

using namespace bbg::ops::layout;

using S = BBG_STORED;
using T = BBG_ARITHMETIC;
constexpr bool kIsBfloat16 = sizeof(S) == 2;

__device__ T load(S stored) {
  if constexpr (kIsBfloat16) {
    return __uint_as_float(static_cast<unsigned>(stored) << 16);
  } else {
    return stored;
  }
}
__device__ S store(T value) {
  if constexpr (kIsBfloat16) {
    return bfloat16_bits(static_cast<float>(value));
  } else {
    return value;
  }
}
