#pragma once
// The calls that a process makes before any other of libtorch: the GPU's library is opened where
// there is a GPU, and oneMKL chooses its kernels.
//
// oneMKL's vector functions, which libtorch's elementwise ones call from each of its threads, look
// for the best kernel in their first call. Where that runs on several threads at once, one of them
// may take a kernel of half the digits, for its part of that call: seen here, rarely and on busy
// machines, as an error of 1e-8 in float64 (pytorch issue 188792). One call on one thread before
// prevents it.

#include <ATen/ATen.h>

#include "core/gpu_library.h"

namespace bbg::core {

// Before anything else is computed in a process. Takes a few milliseconds, with a GPU's driver a
// second. SystemError where there is a driver and the GPU's library cannot be opened.
inline void make_first_calls() {
  open_gpu_library();
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const at::Tensor half = at::full({1}, 0.5, type);
    for (at::Tensor (*const function)(const at::Tensor&) :
         {at::acos,   at::asin,  at::atan,  at::ceil,  at::cos, at::erf,   at::erfc,
          at::erfinv, at::exp,   at::expm1, at::floor, at::log, at::log10, at::log1p,
          at::log2,   at::round, at::sin,   at::sqrt,  at::tan, at::tanh,  at::trunc}) {
      function(half);
    }
  }
}

}  // namespace bbg::core
