#pragma once
// Brings images of any size to the data set's S x S. The Resampler belongs to the calling thread.

#include <cstdint>
#include <span>

#include "core/image.h"
#include "image/pixels.h"
#include "image/resample.h"

namespace bbg::image {

enum class Fit {
  kResize,  // centre crop to a square, then resample to S x S
  kPad,     // black border where the image is no larger than S; larger ones as kResize
};

// out: [size, size, image.channels]. Padding is centred (an odd rest goes to the right or below).
void fit(const Pixels& image, int64_t size, Fit fit, Resampler& resampler, std::span<uint8_t> out);

// By the mean over the area.
core::Image fit_image(const Pixels& image, int64_t size, Fit fit);

}  // namespace bbg::image
