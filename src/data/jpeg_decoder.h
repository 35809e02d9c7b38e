#pragma once
// JPEG by libjpeg-turbo, for image_codec alone.

#include <cstddef>
#include <span>
#include <string>

#include "core/image.h"

namespace bbg::data {

// Decodes to 1 or 3 channels, whichever the file has (CMYK becomes RGB). Returns what is wrong, or
// nothing: all pixels are there.
std::string decode_jpeg(std::span<const std::byte> bytes, core::Image& image);

}  // namespace bbg::data
