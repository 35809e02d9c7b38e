#pragma once
// Windows of an image against the parts of the whole one.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "core/rng.h"
#include "image/codec/codec.h"

namespace bbg::image {

inline core::Image part_of(const core::Image& image, const Window& window) {
  core::Image part{
      .height = window.height, .width = window.width, .channels = image.channels, .pixels = {}};
  for (int64_t y = window.top; y < window.top + window.height; ++y) {
    const auto row = image.pixels.begin() + (y * image.width + window.left) * image.channels;
    part.pixels.insert(part.pixels.end(), row, row + window.width * image.channels);
  }
  return part;
}

// A stretch of [0, length): half of them short, a quarter from the start and a quarter to the end.
inline std::pair<int64_t, int64_t> random_stretch(core::RandomStream& random, int64_t length) {
  const auto below = [&random](int64_t bound) {
    return static_cast<int64_t>(random.next_below(static_cast<uint64_t>(bound)));
  };
  const int64_t longest = below(2) == 0 ? std::min<int64_t>(length, 24) : length;
  const int64_t extent = 1 + below(longest);
  switch (below(4)) {
    case 0:
      return {0, extent};
    case 1:
      return {length - extent, extent};
    default:
      return {below(length - extent + 1), extent};
  }
}

// `whole`: as decoded by the same decoder.
inline void expect_windows_equal_parts(Decoder& decoder, std::span<const uint8_t> bytes,
                                       const core::Image& whole, int count) {
  core::RandomStream random(3, core::Purpose::kEvaluate, 0, bytes.size());
  std::vector<uint8_t> memory;
  for (int i = 0; i < count; ++i) {
    Window window;
    std::tie(window.top, window.height) = random_stretch(random, whole.height);
    std::tie(window.left, window.width) = random_stretch(random, whole.width);
    const core::Image image = copy(decoder.decode_window(bytes, window, "window", memory));
    ASSERT_EQ(image.height, window.height);
    ASSERT_EQ(image.width, window.width);
    ASSERT_EQ(image.pixels == part_of(whole, window).pixels, true)
        << "rows " << window.top << " + " << window.height << ", columns " << window.left << " + "
        << window.width << " of " << whole.height << " x " << whole.width;
  }
}

}  // namespace bbg::image
