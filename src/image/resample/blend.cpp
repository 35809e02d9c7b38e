#include "image/resample/blend.h"

#include <cstring>
#include <type_traits>

#include "image/byte_vector.h"
#include "image/resample/blend_vnni.h"

namespace bbg::image {

namespace {

using Ints4 = int32_t __attribute__((vector_size(16)));

// The loops over kBytes have a fixed length: their sums stay in registers while lines are added.

// sums[i] = the weighted bytes i of the lines.
template <int kBytes>
BBG_ALWAYS_INLINE inline void add_block(const uint8_t* in, int64_t stride, const Taps::Range& range,
                                        int32_t* sums) {
  int32_t block[kBytes];
  in += range.first * stride;
  for (int i = 0; i < kBytes; ++i) block[i] = range.weights[0] * in[i];
  for (int64_t line = 1; line < range.count; ++line) {
    in += stride;
    const int32_t weight = range.weights[line];
    for (int i = 0; i < kBytes; ++i) block[i] += weight * in[i];
  }
  for (int i = 0; i < kBytes; ++i) sums[i] = block[i];
}

template <int kBytes>
BBG_ALWAYS_INLINE inline void blend_block(const uint8_t* in, int64_t stride,
                                          const Taps::Range& range, uint8_t* out) {
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

// kCount: the length of all ranges, which lets the loop be unrolled; 0: any.
template <int kCount>
BBG_ALWAYS_INLINE inline void add_so_many_pixels(const int32_t* in, int64_t channels,
                                                 const Taps& taps, int32_t* out) {
  const int64_t count = kCount > 0 ? kCount : taps.most;
  for (const Taps::Range& range : taps.ranges) {
    for (int64_t channel = 0; channel < channels; channel += 4) {
      const int32_t* at = in + range.first * channels + channel;
      Ints4 sum{};
      for (int64_t x = 0; x < count; ++x, at += channels) {
        Ints4 value;
        std::memcpy(&value, at, sizeof(value));
        sum += value * range.weights[x];
      }
      std::memcpy(out + channel, &sum, sizeof(sum));
    }
    out += channels;
  }
}

template <int kBytes>
using Width = std::integral_constant<int, kBytes>;

// Calls block(width, x) for parts of a line. The last of several lies over the one before where the
// line is no multiple of 16 bytes long.
template <class Block>
BBG_ALWAYS_INLINE inline void for_blocks(int64_t bytes, Block block) {
  int64_t x = 0;
  for (; x + 32 <= bytes; x += 32) block(Width<32>(), x);
  for (; x + 16 <= bytes; x += 16) block(Width<16>(), x);
  if (x < bytes && bytes >= 16) {
    block(Width<16>(), bytes - 16);
    return;
  }
  for (; x < bytes; ++x) block(Width<1>(), x);
}

}  // namespace

void blend_to_bytes(const Lines& in, std::span<const Taps::Range> ranges, uint8_t* out) {
  static const bool by_dot_products = has_vnni();
  if (by_dot_products) {
    blend_to_bytes_vnni(in, ranges, out);
  } else {
    blend_to_bytes_plain(in, ranges, out);
  }
}

BBG_VECTOR_WIDTHS
void blend_to_bytes_plain(const Lines& in, std::span<const Taps::Range> ranges, uint8_t* out) {
  for (const Taps::Range& range : ranges) {
    for_blocks(in.bytes, [&](auto width, int64_t x) BBG_ALWAYS_INLINE {
      blend_block<width()>(in.data + x, in.stride, range, out + x);
    });
    out += in.bytes;
  }
}

BBG_VECTOR_WIDTHS
void add_lines(const Lines& in, const Taps::Range& range, int32_t* out) {
  for_blocks(in.bytes, [&](auto width, int64_t x) BBG_ALWAYS_INLINE {
    add_block<width()>(in.data + x, in.stride, range, out + x);
  });
}

BBG_VECTOR_WIDTHS
void add_pixels(const int32_t* in, int64_t channels, const Taps& taps, int32_t* out) {
  switch (taps.most) {
    case 1:
      return add_so_many_pixels<1>(in, channels, taps, out);
    case 2:
      return add_so_many_pixels<2>(in, channels, taps, out);
    case 3:
      return add_so_many_pixels<3>(in, channels, taps, out);
    case 4:
      return add_so_many_pixels<4>(in, channels, taps, out);
    case 5:
      return add_so_many_pixels<5>(in, channels, taps, out);
    case 6:
      return add_so_many_pixels<6>(in, channels, taps, out);
    default:
      return add_so_many_pixels<0>(in, channels, taps, out);
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

}  // namespace bbg::image
