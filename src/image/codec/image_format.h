#pragma once
// Recognises image files by their content, never by their names. Pure functions.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace bbg::image {

enum class ImageFormat { kJpeg, kPng, kWebp };  // those that Decoder reads

// None: some other format, or no image at all.
std::optional<ImageFormat> recognise_format(std::span<const uint8_t> bytes);

// For people, and for counting what is left out: "JPEG", "GIF", "TIFF", ...; "empty file" and
// "unknown content" where no format is recognised. The first 32 bytes suffice.
std::string name_of_format(std::span<const uint8_t> bytes);

}  // namespace bbg::image
