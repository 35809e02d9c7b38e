#pragma once
// The draws of NumPy's numpy.random.RandomState(seed), bit for bit: the Mersenne Twister MT19937
// and the shuffle on top of it, which NumPy keeps as they are for good. The field's programs
// shuffle and choose subsets by them, so that a score can be equal to theirs and not merely close.

#include <cstdint>
#include <random>
#include <vector>

namespace bbg::eval {

class RandomState {
 public:
  explicit RandomState(uint32_t seed) : engine_(seed) {}

  // RandomState.permutation(count): the numbers 0 to count - 1 in random order. count < 2^32.
  std::vector<int64_t> permutation(int64_t count);
  // RandomState.choice(count, size, replace=False).
  std::vector<int64_t> choice(int64_t count, int64_t size);

 private:
  uint32_t at_most(uint32_t largest);

  std::mt19937 engine_;
};

}  // namespace bbg::eval
