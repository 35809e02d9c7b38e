#include "eval/random_state.h"

#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace bbg::eval {

uint32_t RandomState::at_most(uint32_t largest) {
  if (largest == 0) return 0;
  const uint32_t mask = std::numeric_limits<uint32_t>::max() >> std::countl_zero(largest);
  for (;;) {
    const auto drawn = static_cast<uint32_t>(engine_()) & mask;
    if (drawn <= largest) return drawn;
  }
}

std::vector<int64_t> RandomState::permutation(int64_t count) {
  BBG_CHECK(count >= 0 && count <= std::numeric_limits<uint32_t>::max(),
            "a permutation's length fits into 32 bits");
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  for (int64_t i = count - 1; i > 0; --i) {
    std::swap(numbers[static_cast<size_t>(i)], numbers[at_most(static_cast<uint32_t>(i))]);
  }
  return numbers;
}

std::vector<int64_t> RandomState::choice(int64_t count, int64_t size) {
  BBG_CHECK(size <= count, "a choice without replacement is no larger than the whole");
  std::vector<int64_t> chosen = permutation(count);
  chosen.resize(static_cast<size_t>(size));
  return chosen;
}

}  // namespace bbg::eval
