#pragma once
// Puts another sample in the place of a damaged one, where data.on-corrupt says so. Any thread.

#include <algorithm>
#include <cstdint>

#include "core/error.h"
#include "data/data_options.h"

namespace bbg::data {

// Damaged samples in a row, of which the last is told.
inline constexpr int64_t kMostReplacements = 100;

// Calls read(0), and with kSkip read(1), read(2) and so on, each for the sample behind the one
// before, until one throws no UsageError; the last of them throws it on. Once another sample is
// tried, `replaced` has been called with the first error.
template <class Read, class Replaced>
void read_or_replace(OnCorrupt on_corrupt, int64_t num_samples, const Read& read,
                     const Replaced& replaced) {
  const int64_t attempts =
      on_corrupt == OnCorrupt::kSkip ? std::min(kMostReplacements, num_samples) : 1;
  for (int64_t i = 0;; ++i) {
    try {
      return read(i);
    } catch (const core::UsageError& error) {
      if (i + 1 == attempts) throw;
      if (i == 0) replaced(error);
    }
  }
}

template <class Read>
void read_or_replace(OnCorrupt on_corrupt, int64_t num_samples, const Read& read) {
  read_or_replace(on_corrupt, num_samples, read, [](const core::UsageError&) {});
}

}  // namespace bbg::data
