#pragma once
// Images of random bytes, and what tests do with them.

#include <cstdint>

#include "core/image.h"
#include "core/rng.h"
#include "image/resample.h"

namespace bbg::image {

inline core::Image random_image(int64_t height, int64_t width, int64_t channels,
                                uint64_t seed = 3) {
  core::Image image{.height = height, .width = width, .channels = channels, .pixels = {}};
  core::RandomStream random(seed, core::Purpose::kEvaluate, 0, 0);
  for (int64_t i = 0; i < height * width * channels; ++i) {
    image.pixels.push_back(static_cast<uint8_t>(random.next_uint32()));
  }
  return image;
}

inline core::Image blank_image(int64_t height, int64_t width, int64_t channels) {
  core::Image image{.height = height, .width = width, .channels = channels, .pixels = {}};
  image.pixels.resize(static_cast<size_t>(height * width * channels));
  return image;
}

inline core::Image resampled(const Pixels& pixels, int64_t height, int64_t width, Filter filter) {
  core::Image out = blank_image(height, width, pixels.channels);
  Resampler(filter).resample(pixels, height, width, out.pixels);
  return out;
}

inline int at(const core::Image& image, int64_t y, int64_t x, int64_t c) {
  return image.pixels[static_cast<size_t>((y * image.width + x) * image.channels + c)];
}

}  // namespace bbg::image
