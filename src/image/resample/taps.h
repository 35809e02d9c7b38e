#pragma once
// The input pixels, along one axis, that make each output pixel, with integer weights. Pure
// functions; the Resampler uses them for rows and columns alike.

#include <cstdint>
#include <vector>

#include "image/resample.h"

namespace bbg::image {

// Bits behind the point in the weights of kBilinear and kBicubic: 32, without 8 of the pixel and 2
// to spare (Pillow's PRECISION_BITS).
inline constexpr int kWeightBits = 32 - 8 - 2;

// Weights are read by so many at a time.
inline constexpr int64_t kWeightsTogether = 4;

struct Taps {
  Taps() = default;
  Taps(const Taps&) = delete;  // the ranges point into the weights
  Taps& operator=(const Taps&) = delete;

  // Output pixel i is made of the inputs [first(i), first(i) + count(i)).
  struct Range {
    int64_t first, count;
    const int32_t*
        weights;  // behind them zeros, up to `most` and to a multiple of kWeightsTogether
  };
  std::vector<Range> ranges;
  int64_t most = 0;              // the longest count
  std::vector<int32_t> weights;  // all ranges, one behind the other
  int64_t sum = 0;               // the weights of each output pixel together
};

// Weights of an axis of `from` pixels that becomes `to`; for kArea they are exact and small, for
// the others fixed point with kWeightBits.
void make_taps(Filter filter, int64_t from, int64_t to, Taps& taps);

}  // namespace bbg::image
