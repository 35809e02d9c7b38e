#pragma once
// Samples over all ranks in the tests that compare N ranks with one: at most 8, a multiple of N.

#include <cstdint>

namespace bbg::testing {

inline int64_t global_batch(int num_ranks) { return 8 / num_ranks * num_ranks; }

}  // namespace bbg::testing
