#pragma once
// Rows that all ranks make of images, on rank 0 in the order of the images: for files that one
// process writes. Memory does not grow with the number of images.

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "measure/context.h"

namespace bbg::run {

// One tensor [n, ...] for each kind of row.
using Rows = std::vector<at::Tensor>;

// Calls `make` with consecutive pieces of `count` images, eval.batch long at most, shared out over
// the ranks, and `take` on rank 0 with what was made of the next images, on the CPU. Rows have the
// same sizes and types on all ranks; of a rank without images `make` is given the first one. A
// collective.
void map_in_order(const measure::Context& context, const std::string& what, int64_t count,
                  const std::function<Rows(int64_t first, int64_t count)>& make,
                  const std::function<void(const Rows&)>& take);

}  // namespace bbg::run
