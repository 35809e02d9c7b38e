#include "data/flip.h"

#include <algorithm>

namespace bbg::data {

void flip_horizontally(std::span<uint8_t> pixels, int64_t height, int64_t width, int64_t channels) {
  for (int64_t y = 0; y < height; ++y) {
    uint8_t* row = pixels.data() + y * width * channels;
    for (int64_t left = 0, right = width - 1; left < right; ++left, --right) {
      std::swap_ranges(row + left * channels, row + (left + 1) * channels, row + right * channels);
    }
  }
}

}  // namespace bbg::data
