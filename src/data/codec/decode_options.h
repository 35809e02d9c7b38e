#pragma once
// Choices of how an image file becomes pixels, and the sizes and windows in which decoders speak.

#include <cstdint>

#include "core/words.h"

namespace bbg::data {

// Transparent pixels: laid over white, as a browser shows them, or with the colour that is stored
// below (Pillow's convert("RGB")).
enum class Alpha { kWhite, kDrop };
inline constexpr core::Word<Alpha> kAlphas[] = {{"white", Alpha::kWhite}, {"drop", Alpha::kDrop}};

// The orientation that cameras write: left alone, or applied (Pillow's ImageOps.exif_transpose).
enum class Exif { kIgnore, kApply };
inline constexpr core::Word<Exif> kExifs[] = {{"ignore", Exif::kIgnore}, {"apply", Exif::kApply}};

// JPEG's four channels CMYK (and YCCK, which becomes CMYK): as Pillow reads them, which takes every
// file for one of Adobe's, whose values are light; or as ink.
enum class Cmyk { kAsPillow, kInk };
inline constexpr core::Word<Cmyk> kCmyks[] = {{"pillow", Cmyk::kAsPillow}, {"ink", Cmyk::kInk}};

struct DecodeOptions {
  int64_t channels = 3;  // 1: luma of ITU-R BT.601; 3: RGB
  Alpha alpha = Alpha::kWhite;
  Exif exif = Exif::kIgnore;
  Cmyk cmyk = Cmyk::kAsPillow;
};

struct ImageSize {
  int64_t height = 0, width = 0;  // pixels
};

// Rows [top, top + height) and columns [left, left + width) of an image.
struct Window {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

inline bool operator==(const ImageSize& a, const ImageSize& b) {
  return a.height == b.height && a.width == b.width;
}

}  // namespace bbg::data
