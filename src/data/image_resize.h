#pragma once
// Brings images of any size to the data set's S x S. Pure functions.

#include <cstdint>

#include "core/image.h"

namespace bbg::data {

enum class Fit {
  kResize,  // centre crop to a square, then resample to S x S
  kPad,     // black border where the image is no larger than S; larger ones as kResize
};

// The largest square in the middle (an odd rest is left on the right or below).
core::Image crop_to_square(const core::Image& image);

// Shrinking averages the exact area below each output pixel; enlarging interpolates linearly.
core::Image resample(const core::Image& image, int64_t height, int64_t width);

// Centred on black (an odd rest goes to the right or below).
core::Image pad(const core::Image& image, int64_t height, int64_t width);

core::Image fit_image(const core::Image& image, int64_t size, Fit fit);

}  // namespace bbg::data
