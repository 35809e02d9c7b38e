#pragma once

#include <algorithm>
#include <vector>

namespace bbg::bench {

// Takes at least one value. An even number of them gives the upper of the two in the middle.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace bbg::bench
