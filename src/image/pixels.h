#pragma once
// A view of 8-bit pixels that someone else owns: a whole image, or a window of one. Plain data; it
// lives as long as the memory it looks at.

#include <cstdint>

#include "core/error.h"
#include "core/image.h"

namespace bbg::image {

struct Pixels {
  const uint8_t* data = nullptr;                // the first pixel
  int64_t height = 0, width = 0, channels = 0;  // [height, width, channels], channels together
  int64_t stride = 0;  // bytes from a row to the next, at least width * channels
  const uint8_t* row(int64_t y) const { return data + y * stride; }
  int64_t row_bytes() const { return width * channels; }
};

// Rows that lie one behind the other.
inline Pixels dense(const uint8_t* data, int64_t height, int64_t width, int64_t channels) {
  return {.data = data,
          .height = height,
          .width = width,
          .channels = channels,
          .stride = width * channels};
}

inline Pixels view(const core::Image& image) {
  BBG_CHECK(
      static_cast<int64_t>(image.pixels.size()) == image.height * image.width * image.channels,
      "an image with more or fewer pixels than its sides say");
  return dense(image.pixels.data(), image.height, image.width, image.channels);
}

inline core::Image copy(const Pixels& pixels) {
  core::Image image{
      .height = pixels.height, .width = pixels.width, .channels = pixels.channels, .pixels = {}};
  for (int64_t y = 0; y < pixels.height; ++y) {
    image.pixels.insert(image.pixels.end(), pixels.row(y), pixels.row(y) + pixels.row_bytes());
  }
  return image;
}

// The pixels [top, top + height) x [left, left + width), which lie inside.
inline Pixels window(Pixels pixels, int64_t top, int64_t left, int64_t height, int64_t width) {
  BBG_CHECK(top >= 0 && left >= 0 && height >= 0 && width >= 0 && top + height <= pixels.height &&
                left + width <= pixels.width,
            "a window that is not inside its image");
  pixels.data += top * pixels.stride + left * pixels.channels;
  pixels.height = height;
  pixels.width = width;
  return pixels;
}

}  // namespace bbg::image
