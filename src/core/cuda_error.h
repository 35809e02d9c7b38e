#pragma once
// A failed CUDA call as a SystemError: the one place that says whether starting again can help. No
// CUDA header is needed here, so that programs and tests without a GPU have it too.

#include <string>

#include "core/error.h"

namespace bbg::core {

// Whether a restart, in a fresh context and perhaps on another GPU, can help after an error of this
// number (cudaError_t): not where the program, its installation or its arguments are at fault.
bool can_restart_help(int cuda_error);

// `call` and `object` as in SystemError::Details, `cause` is cudaGetErrorString's.
[[nodiscard]] SystemError cuda_error(int code, const std::string& call, const std::string& object,
                                     const std::string& cause, int rank = -1);

}  // namespace bbg::core
