#pragma once
// Finds the orientation that a camera wrote into an image file. Pure functions.

#include <cstdint>
#include <span>

#include "image/codec/image_format.h"

namespace bbg::image {

// The EXIF orientation, 1 to 8; 1 where there is none, or where the EXIF data is damaged. XMP is
// not looked at.
int orientation_of(ImageFormat format, std::span<const uint8_t> bytes);

}  // namespace bbg::image
