#include "data/resample/blend.h"

#include <cstring>

namespace bbg::data {

// One function for each width of vectors; which is chosen when the program starts. All give the
// same bytes, for integers are exact.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define BBG_VECTOR_WIDTHS __attribute__((target_clones("avx2", "default")))
#else
#define BBG_VECTOR_WIDTHS
#endif
#define BBG_INLINE inline __attribute__((always_inline))

namespace {

using Ints4 = int32_t __attribute__((vector_size(16)));

// Loops of a fixed length over a few registers.

// sums[i] = the weighted bytes i of the lines.
template <int kBytes>
BBG_INLINE void add_block(const uint8_t* in, int64_t stride, const Taps::Range& range,
                          int32_t* sums) {
  int32_t block[kBytes] = {};
  in += range.first * stride;
  for (int64_t line = 0; line < range.count; ++line, in += stride) {
    const int32_t weight = range.weights[line];
    for (int i = 0; i < kBytes; ++i) block[i] += weight * in[i];
  }
  std::memcpy(sums, block, sizeof(block));
}

template <int kBytes>
BBG_INLINE void blend_block(const uint8_t* in, int64_t stride, const Taps::Range& range,
                            uint8_t* out) {
  int32_t sums[kBytes];
  for (int i = 0; i < kBytes; ++i) sums[i] = 1 << (kWeightBits - 1);
  in += range.first * stride;
  for (int64_t line = 0; line < range.count; ++line, in += stride) {
    const int32_t weight = range.weights[line];
    for (int i = 0; i < kBytes; ++i) sums[i] += weight * in[i];
  }
  for (int i = 0; i < kBytes; ++i) {
    const int32_t value = sums[i] >> kWeightBits;
    out[i] = static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
  }
}

// Calls block<32>, block<16> and block<1> at the places of a line. The last of several lies over
// the one before where the line is no multiple of 16 bytes long.
#define BBG_FOR_BLOCKS(bytes, block)              \
  do {                                            \
    int64_t x = 0;                                \
    for (; x + 32 <= (bytes); x += 32) block(32); \
    for (; x + 16 <= (bytes); x += 16) block(16); \
    if (x < (bytes) && (bytes) >= 16) {           \
      x = (bytes)-16;                             \
      block(16);                                  \
      x += 16;                                    \
    }                                             \
    for (; x < (bytes); ++x) block(1);            \
  } while (false)

}  // namespace

BBG_VECTOR_WIDTHS
void blend_to_bytes(const Lines& in, std::span<const Taps::Range> ranges, uint8_t* out) {
  for (const Taps::Range& range : ranges) {
#define BBG_BLOCK(count) blend_block<count>(in.data + x, in.stride, range, out + x)
    BBG_FOR_BLOCKS(in.bytes, BBG_BLOCK);
#undef BBG_BLOCK
    out += in.bytes;
  }
}

BBG_VECTOR_WIDTHS
void add_lines(const Lines& in, const Taps::Range& range, int32_t* out) {
#define BBG_BLOCK(count) add_block<count>(in.data + x, in.stride, range, out + x)
  BBG_FOR_BLOCKS(in.bytes, BBG_BLOCK);
#undef BBG_BLOCK
}

BBG_VECTOR_WIDTHS
void add_pixels(const int32_t* in, int64_t channels, std::span<const Taps::Range> ranges,
                int32_t* out) {
  for (const Taps::Range& range : ranges) {
    for (int64_t channel = 0; channel < channels; channel += 4) {
      const int32_t* at = in + range.first * channels + channel;
      Ints4 sum{};
      for (int64_t x = 0; x < range.count; ++x, at += channels) {
        Ints4 value;
        std::memcpy(&value, at, sizeof(value));
        sum += value * range.weights[x];
      }
      std::memcpy(out + channel, &sum, sizeof(sum));
    }
    out += channels;
  }
}

BBG_VECTOR_WIDTHS
void divide_to_bytes(std::span<const int32_t> sums, int64_t total, uint8_t* out) {
  // A quotient's distance from the next whole number is at least 1 / (2 total): a quarter step more
  // keeps the error of the division away from it.
  const double inverse = 1 / static_cast<double>(total);
  const double half = 0.5 * static_cast<double>(total) + 0.25;
  const int32_t* in = sums.data();
  const size_t count = sums.size();
  for (size_t i = 0; i < count; ++i) {
    out[i] = static_cast<uint8_t>(static_cast<int32_t>((in[i] + half) * inverse));
  }
}

}  // namespace bbg::data
