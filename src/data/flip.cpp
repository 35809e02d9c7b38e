#include "data/flip.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "data/byte_vector.h"

namespace bbg::data {

namespace {

// Whole pixels of `channels` bytes in a vector: at the front of the left one, at the back of the
// right one. The other bytes stay. Numbers are those of BBG_SHUFFLE(left, right, ...).
constexpr int mirrored(int i, int channels) {
  const int last = 16 / channels - 1;
  return (last - i / channels) * channels + i % channels;
}
constexpr uint8_t byte_of_left(int i, int channels) {
  const int used = 16 / channels * channels;
  return static_cast<uint8_t>(i < used ? 16 + (16 - used) + mirrored(i, channels) : i);
}
constexpr uint8_t byte_of_right(int i, int channels) {
  const int unused = 16 % channels;
  return static_cast<uint8_t>(i < unused ? 16 + i : mirrored(i - unused, channels));
}

BBG_ALWAYS_INLINE inline ByteVector load(const uint8_t* from) {
  ByteVector vector;
  std::memcpy(&vector, from, sizeof(vector));
  return vector;
}

template <int kChannels>
BBG_ALWAYS_INLINE inline void exchange_pixels(uint8_t* left, uint8_t* right) {
  for (; right - left > kChannels; left += kChannels, right -= kChannels) {
    std::swap_ranges(left, left + kChannels, right - kChannels);
  }
}

// Exchanges the ends of a row vector by vector, and the middle pixel by pixel. Vectors overlap by
// the bytes that stay: the next ones are loaded before these are stored, for a load of bytes of
// which a part was just stored waits for the store (31 us instead of 4 for 256 x 256 RGB on an EPYC
// 9005).
template <int kChannels, int... kByte>
BBG_ALWAYS_INLINE inline void mirror_row(uint8_t* row, int64_t bytes,
                                         std::integer_sequence<int, kByte...>) {
  constexpr int kUsed = 16 / kChannels * kChannels;
  uint8_t *left = row, *right = row + bytes;
  if (bytes >= 32) {
    ByteVector a = load(left), b = load(right - 16);
    while (right - left >= 32) {
      const ByteVector new_left = BBG_SHUFFLE(a, b, byte_of_left(kByte, kChannels)...);
      const ByteVector new_right = BBG_SHUFFLE(a, b, byte_of_right(kByte, kChannels)...);
      a = load(left + kUsed);
      b = load(right - 16 - kUsed);
      std::memcpy(left, &new_left, 16);
      std::memcpy(right - 16, &new_right, 16);
      left += kUsed;
      right -= kUsed;
    }
  }
  exchange_pixels<kChannels>(left, right);
}

constexpr std::make_integer_sequence<int, 16> kBytes;

BBG_VECTOR_WIDTHS
void mirror_grey(uint8_t* row, int64_t bytes) { mirror_row<1>(row, bytes, kBytes); }

BBG_VECTOR_WIDTHS
void mirror_rgb(uint8_t* row, int64_t bytes) { mirror_row<3>(row, bytes, kBytes); }

void mirror_any(uint8_t* row, int64_t bytes, int64_t channels) {
  for (uint8_t *left = row, *right = row + bytes; right - left > channels;
       left += channels, right -= channels) {
    std::swap_ranges(left, left + channels, right - channels);
  }
}

}  // namespace

void flip_horizontally(std::span<uint8_t> pixels, int64_t height, int64_t width, int64_t channels) {
  const int64_t bytes = width * channels;
  for (int64_t y = 0; y < height; ++y) {
    uint8_t* row = pixels.data() + y * bytes;
    if (channels == 1) {
      mirror_grey(row, bytes);
    } else if (channels == 3) {
      mirror_rgb(row, bytes);
    } else {
      mirror_any(row, bytes, channels);
    }
  }
}

}  // namespace bbg::data
