#pragma once
// Brings images of any size to the data set's S x S. Pure functions.

#include <cstdint>

#include "data/image_codec.h"

namespace bbg::data {

enum class Fit {
  kResize,  // centre crop to a square, then resample to S x S
  kPad,     // black border where the image is no larger than S; larger ones as kResize
};

// The largest square in the middle (an odd rest is left on the right or below).
Image crop_to_square(const Image& image);

// Shrinking averages the exact area below each output pixel; enlarging interpolates linearly.
Image resample(const Image& image, int64_t height, int64_t width);

// Centred on black (an odd rest goes to the right or below).
Image pad(const Image& image, int64_t height, int64_t width);

Image fit_image(const Image& image, int64_t size, Fit fit);

}  // namespace bbg::data
