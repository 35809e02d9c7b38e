#pragma once
// Toy splits for classifiers, and the part of them that a rank brings.

#include <ATen/ATen.h>

#include "comm/communicator.h"
#include "core/rng.h"

namespace bbg::eval {

struct Points {
  at::Tensor features, labels;

  // Unequal parts in rank order; with `skip_first` the first rank of several brings nothing.
  Points part(const comm::Communicator& communicator, bool skip_first = false) const {
    const int64_t count = labels.numel();
    const auto end = [&](int64_t rank) {
      if (rank == communicator.size()) return count;
      if (rank == 0 || (rank == 1 && skip_first)) return int64_t{0};
      return (count * rank + 7 * rank) / (communicator.size() + 1);
    };
    const int64_t first = end(communicator.rank());
    const int64_t length = end(communicator.rank() + 1) - first;
    return {features.narrow(0, first, length), labels.narrow(0, first, length)};
  }
};

// Normal clouds around `classes` normal centres `spread` apart from the origin.
inline Points clouds(int64_t count, int64_t width, int64_t classes, double spread, uint64_t seed,
                     at::ScalarType type = at::kFloat) {
  const auto normal = [&](int64_t rows, uint64_t stream) {
    at::Tensor values = at::empty({rows, width}, at::kDouble);
    // The centres of a test split are those of its training split.
    core::RandomStream random(stream == 0 ? 99 : seed, core::Purpose::kEvaluate, stream, 0);
    random.fill_normal({values.data_ptr<double>(), static_cast<size_t>(values.numel())});
    return values;
  };
  const at::Tensor labels = at::arange(count, at::kLong).mul(7).remainder(classes);
  const at::Tensor centres = normal(classes, 0) * spread;
  return {(centres.index_select(0, labels) + normal(count, 1)).to(type), labels};
}

}  // namespace bbg::eval
