#pragma once
// The inner loops of the Resampler. Sums of lines of bytes that lie in memory one behind the other:
// the rows of an image, or the columns of one that is turned. Pure functions.

#include <cstdint>
#include <span>

#include "image/resample/taps.h"

namespace bbg::image {

// Lines of `bytes` bytes; line i begins at data + i * stride.
struct Lines {
  const uint8_t* data;
  int64_t stride, bytes;
};

// Output line i is the sum of its range of the input's lines, with weights of kWeightBits behind
// the point, rounded half up to bytes. It is written to out + i * in.bytes.
void blend_to_bytes(const Lines& in, std::span<const Taps::Range> ranges, uint8_t* out);

// The same without the dot products of blend_vnni.h, which blend_to_bytes() takes where it can.
void blend_to_bytes_plain(const Lines& in, std::span<const Taps::Range> ranges, uint8_t* out);

// out[i], i < in.bytes: the sum over one range of lines. No sum may leave 31 bits.
void add_lines(const Lines& in, const Taps::Range& range, int32_t* out);

// Output pixel i is the sum of its range of the input's pixels, each of `channels` numbers. Behind
// its last number the input has room for taps.most pixels and 3 numbers, the output for 3.
void add_pixels(const int32_t* in, int64_t channels, const Taps& taps, int32_t* out);

// sums / total, rounded half up. Sums are at most 255 * total and below 2^31.
void divide_to_bytes(std::span<const int32_t> sums, int64_t total, uint8_t* out);

}  // namespace bbg::image
