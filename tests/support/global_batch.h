#pragma once
// Samples over all ranks in the tests that compare N ranks with one: a multiple of N and of the
// portions that each works through, at most 8 where that allows.

#include <algorithm>
#include <cstdint>

namespace bbg::testing {

inline int64_t global_batch(int num_ranks, int64_t portions = 1) {
  const int64_t unit = num_ranks * portions;
  return std::max<int64_t>(1, 8 / unit) * unit;
}

}  // namespace bbg::testing
