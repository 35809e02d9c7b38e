#include "image/codec/orientation.h"

#include <algorithm>
#include <utility>

namespace bbg::image {

Orientation::Orientation(int orientation)
    : transposes_(orientation >= 5),
      flips_rows_(orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7),
      flips_columns_(orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
}

ImageSize Orientation::turned(const ImageSize& stored) const {
  if (!transposes_) return stored;
  return {.height = stored.width, .width = stored.height};
}

Window Orientation::stored(const Window& shown, const ImageSize& stored_size) const {
  Window window = shown;
  if (transposes_) {
    std::swap(window.top, window.left);
    std::swap(window.height, window.width);
  }
  if (flips_rows_) window.top = stored_size.height - window.top - window.height;
  if (flips_columns_) window.left = stored_size.width - window.left - window.width;
  return window;
}

void Orientation::turn(const Pixels& stored, uint8_t* out) const {
  const ImageSize shown = turned({.height = stored.height, .width = stored.width});
  for (int64_t y = 0; y < shown.height; ++y) {
    for (int64_t x = 0; x < shown.width; ++x) {
      int64_t row = transposes_ ? x : y, column = transposes_ ? y : x;
      if (flips_rows_) row = stored.height - 1 - row;
      if (flips_columns_) column = stored.width - 1 - column;
      out = std::copy_n(stored.row(row) + column * stored.channels, stored.channels, out);
    }
  }
}

}  // namespace bbg::image
