#pragma once
// The inner loops of batch norm on the CPU, in vectors of the width that the processor has. Inputs
// are read and outputs written once. Sums are taken in blocks and added in double.

#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace bbg::ops::cpu {

// The type in which values that lie in memory as S are added and multiplied.
template <class S>
struct ArithmeticOf {
  using Type = S;
};
template <>
struct ArithmeticOf<c10::BFloat16> {
  using Type = float;
};

constexpr int64_t kTile = 256;  // values, where a position has fewer channels

// The terms of one sample, each repeated until it is long enough that a loop over it is worth its
// start: the same for every run of `length` values of the sample.
template <class T>
struct Tile {
  Tile(int64_t channels, int64_t num_terms)
      : length(channels * std::max<int64_t>(1, kTile / channels)),
        channels(channels),
        values(static_cast<size_t>(num_terms * length)) {}
  T* term(int64_t i) { return values.data() + i * length; }
  void fill(int64_t i, const T* of_channels) {
    for (int64_t first = 0; first < length; first += channels) {
      std::copy_n(of_channels, channels, term(i) + first);
    }
  }
  // Adds a term's values, channel by channel.
  void add_to(int64_t i, double* of_channels) {
    const T* value = term(i);
    for (int64_t first = 0; first < length; first += channels) {
      for (int64_t c = 0; c < channels; ++c) {
        of_channels[c] += static_cast<double>(value[first + c]);
      }
    }
  }

  int64_t length, channels;
  std::vector<T> values;
};
enum Term { kMean, kInverse, kGain, kBias, kMeanG, kMeanGn, kNumTerms };
enum Total { kSum, kProduct, kNumTotals };

template <class T>
inline constexpr T kNoFloor = -std::numeric_limits<T>::infinity();

// The passes, each over the `size` values of one sample. S: how values lie in memory, T: their
// arithmetic. Sums and products are per channel. Values of y that are at most `low`, 0 with ReLU,
// are cut, and their gradients too.
#define BBG_DECLARE_NORM_PASSES(S, T)                                                          \
  void moments_pass(const S* x, int64_t size, Tile<T>& shift, Tile<T>& totals, double* sums,   \
                    double* squares);                                                          \
  void forward_pass(const S* x, int64_t size, Tile<T>& terms, T low, S* y);                    \
  void sums_pass(const S* x, const S* g, int64_t size, Tile<T>& terms, T low, Tile<T>& totals, \
                 double* sums, double* products);                                              \
  void gradient_pass(const S* x, const S* g, int64_t size, Tile<T>& terms, T low, S* result);

BBG_DECLARE_NORM_PASSES(float, float)
BBG_DECLARE_NORM_PASSES(double, double)
BBG_DECLARE_NORM_PASSES(c10::BFloat16, float)
#undef BBG_DECLARE_NORM_PASSES

}  // namespace bbg::ops::cpu
