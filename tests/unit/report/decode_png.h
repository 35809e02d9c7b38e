#pragma once
// libpng's own short way to read a file, for tests.

#include <png.h>

#include <stdexcept>
#include <vector>

#include "core/image.h"

namespace bbg::test {

inline core::Image decode_png(const std::vector<uint8_t>& file) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&png, file.data(), file.size()) == 0) {
    throw std::runtime_error(png.message);
  }
  if (png.format != PNG_FORMAT_GRAY && png.format != PNG_FORMAT_RGB) {
    throw std::runtime_error("neither grey nor RGB of 8 bits");
  }
  core::Image image{.height = png.height,
                    .width = png.width,
                    .channels = PNG_IMAGE_SAMPLE_CHANNELS(png.format),
                    .pixels = std::vector<uint8_t>(PNG_IMAGE_SIZE(png))};
  if (png_image_finish_read(&png, nullptr, image.pixels.data(), 0, nullptr) == 0) {
    throw std::runtime_error(png.message);
  }
  return image;
}

}  // namespace bbg::test
