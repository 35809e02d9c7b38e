#pragma once
// Images at the resolution of another network.

#include <ATen/ATen.h>

#include <cstdint>

namespace bbg::train {

// [n, C, S, S] -> [n, C, size, size]: the same tensor where S is size, averages of blocks where S
// is a multiple of size, else resampled with a triangle as wide as two pixels of the result
// (docs/choices.md 35, 63).
at::Tensor shrink(const at::Tensor& images, int64_t size);

}  // namespace bbg::train
