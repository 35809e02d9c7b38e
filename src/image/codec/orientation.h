#pragma once
// The eight ways in which EXIF says that a stored image is turned and mirrored. Pure functions.

#include <cstdint>

#include "image/codec/decode_options.h"
#include "image/pixels.h"

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
  // Turns the pixels of a stored window. out: the turned rows, one behind the other.
  void turn(const Pixels& stored, uint8_t* out) const;

 private:
  // Shown pixel (y, x) is the stored pixel (x, y) or (y, x), counted from the far end where
  // flipped.
  bool transposes_, flips_rows_, flips_columns_;
};

}  // namespace bbg::image
