#pragma once
// The eight ways in which EXIF says that a stored image is turned and mirrored. Pure functions.

#include <cstdint>

#include "image/codec/decode_options.h"

namespace bbg::image {

// orientation: 1 (as stored) to 8.
class Orientation {
 public:
  explicit Orientation(int orientation);

  bool is_plain() const { return !transposes_ && !flips_rows_ && !flips_columns_; }
  // The size that is shown.
  ImageSize turned(const ImageSize& stored) const;
  // The stored window below one of the image that is shown.
  Window stored(const Window& shown, const ImageSize& stored_size) const;
  // Turns the pixels of a stored window. in: [stored.height, stored.width, channels].
  void turn(const uint8_t* in, const ImageSize& stored, int64_t channels, uint8_t* out) const;

 private:
  // Shown pixel (y, x) is the stored pixel (x, y) or (y, x), counted from the far end where
  // flipped.
  bool transposes_, flips_rows_, flips_columns_;
};

}  // namespace bbg::image
