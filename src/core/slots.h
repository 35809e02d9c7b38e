#pragma once
// The slots of a global batch that are one rank's, row by row. A batch that is worked through in
// portions (train.accumulate) is cut first into portions and each of these among the ranks, so that
// a portion has the same samples on any number of ranks.

#include <cstdint>

namespace bbg::core {

class Slots {
 public:
  // [first, first + count)
  Slots(int64_t first, int64_t count)
      : first_(first), count_(count), portion_(count), stride_(count) {}
  // The slots of one rank of `size`; size * portions divides the global batch.
  static Slots of_rank(int64_t global_batch, int rank, int size, int64_t portions = 1) {
    Slots slots(0, global_batch / size);
    slots.portion_ = slots.count_ / portions;
    slots.stride_ = global_batch / portions;
    slots.first_ = slots.portion_ * rank;
    return slots;
  }

  int64_t count() const { return count_; }
  int64_t operator[](int64_t row) const {
    return first_ + row / portion_ * stride_ + row % portion_;
  }

 private:
  int64_t first_, count_, portion_, stride_;
};

}  // namespace bbg::core
