#pragma once
// Decodes JPEG and PNG from memory to 8-bit [H, W, C] pixels. The format is recognised by content,
// never by the file's name. What cannot be decoded in full (text, a truncated file, damaged data)
// is a UsageError that names the image. Thread-safe.
//
// Colour: CMYK and YCCK become RGB; 16-bit samples are scaled to 8; palettes are resolved;
// transparency is laid over white, as a browser shows it (dropping it would uncover colours nobody
// is meant to see). Gamma and colour profiles are not applied. EXIF orientation is not applied.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/image.h"

namespace bbg::data {

// 3 -> 1: luma of ITU-R BT.601; 1 -> 3: grey is repeated.
core::Image with_channels(core::Image image, int64_t channels);

// channels: 1 or 3, converted as above. `name` is for messages.
core::Image decode_image(std::span<const std::byte> bytes, int64_t channels,
                         const std::string& name);

}  // namespace bbg::data
