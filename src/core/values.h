#pragma once
// Named numbers that a run measures: losses, spectra, scores. Plain data, without libtorch.

#include <string>
#include <utility>
#include <vector>

namespace bbg::core {

// name -> value, in the order in which they are shown.
using Values = std::vector<std::pair<std::string, double>>;

}  // namespace bbg::core
