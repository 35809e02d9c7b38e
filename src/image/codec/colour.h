#pragma once
// Turns rows of pixels as files hold them into grey or RGB, in Pillow's arithmetic. Pure functions.

#include <cstdint>

#include "core/image.h"
#include "image/codec/decode_options.h"

namespace bbg::image {

// Channels of a decoded row, 8 bits each. kCmyk: as stored.
enum class PixelKind { kGrey, kGreyAlpha, kRgb, kRgba, kCmyk };

// Converts `count` pixels. `in` and `out` do not overlap.
using ConvertRow = void (*)(const uint8_t* in, int64_t count, uint8_t* out);

// The conversion from `kind` to options.channels; null where a row stays as it is.
ConvertRow conversion(PixelKind kind, const DecodeOptions& options);

int64_t channels_of(PixelKind kind);

// 3 -> 1: luma of ITU-R BT.601; 1 -> 3: grey is repeated.
core::Image with_channels(core::Image image, int64_t channels);

}  // namespace bbg::image
