#include "data/read_ahead.h"

#include <algorithm>

namespace bbg::data {

namespace {

// Enough for a network disk that answers after some milliseconds, little beside a host's memory.
constexpr int64_t kBytes = 8 << 20, kLeast = 16, kMost = 256;

}  // namespace

ReadAhead::ReadAhead(const SampleSource& source, const LoaderSetup& setup, int64_t sample_bytes)
    : source_(source),
      setup_(setup),
      distance_(std::clamp(kBytes / std::max<int64_t>(1, sample_bytes), kLeast, kMost)) {}

void ReadAhead::follow(int64_t draw, int64_t row) {
  if (!source_.has_waited()) return;
  const int64_t count = setup_.slots.count();
  const int64_t next = (draw - setup_.first_draw) * count + row + 1, end = next + distance_;
  int64_t asked = asked_;
  do {
    if (asked >= end) return;
  } while (!asked_.compare_exchange_weak(asked, end));
  for (int64_t i = std::max(asked, next); i < end; ++i) {
    source_.will_read(
        setup_.plan.sample_id(setup_.first_draw + i / count, setup_.slots[i % count]));
  }
}

}  // namespace bbg::data
