#pragma once
// Codes, and directions among codes, that a user gives as a file.

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "run/run_config.h"

namespace bbg::cli {

// [n, model.z-dim] float64 on the CPU, from a .npy file of float32 or float64 of that shape, or of
// one row, [model.z-dim]. `things` is what they are, for messages: "codes". UsageError: absent, no
// such file, another shape. No collective.
at::Tensor read_codes(const run::RunConfig& config, const std::string& path,
                      const std::string& things);

// UsageError: more are asked for by --count than the file at `path` has. Codes that are undefined
// are drawn, as many as one likes.
void check_count(int64_t count, const at::Tensor& codes, const std::string& path);

}  // namespace bbg::cli
