#include "image/codec/image_format.h"

#include <algorithm>
#include <string_view>

namespace bbg::image {

namespace {

using std::string_view_literals::operator""sv;

// A file of this format has `first` at its start and `second` at `offset`.
struct Signature {
  const char* name;
  std::string_view first;
  size_t offset = 0;
  std::string_view second = {};
};

constexpr Signature kSignatures[] = {
    {"JPEG", "\xFF\xD8\xFF"sv},
    {"PNG", "\x89PNG\r\n\x1A\n"sv},
    {"WebP", "RIFF"sv, 8, "WEBP"sv},
    {"GIF", "GIF8"sv},
    {"BMP", "BM"sv, 6, "\0\0\0\0"sv},
    {"TIFF", "II*\0"sv},
    {"TIFF", "MM\0*"sv},
    {"AVIF", ""sv, 4, "ftypavif"sv},
    {"AVIF", ""sv, 4, "ftypavis"sv},
    {"HEIC", ""sv, 4, "ftyphei"sv},
    {"HEIC", ""sv, 4, "ftypmif1"sv},
    {"JPEG XL", "\xFF\x0A"sv},
    {"JPEG XL", "\0\0\0\x0CJXL \r\n\x87\n"sv},
    {"JPEG 2000", "\0\0\0\x0CjP  \r\n\x87\n"sv},
    {"JPEG 2000", "\xFF\x4F\xFF\x51"sv},
    {"ICO", "\0\0\1\0"sv},
    {"Photoshop", "8BPS"sv},
    {"PDF", "%PDF-"sv},
    {"HTML or XML", "<"sv},
};

bool holds(std::span<const uint8_t> bytes, size_t offset, std::string_view text) {
  return bytes.size() >= offset + text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin() + static_cast<ptrdiff_t>(offset),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

}  // namespace

std::string name_of_format(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return "empty file";
  for (const Signature& signature : kSignatures) {
    if (holds(bytes, 0, signature.first) && holds(bytes, signature.offset, signature.second)) {
      return signature.name;
    }
  }
  return "unknown content";
}

std::optional<ImageFormat> recognise_format(std::span<const uint8_t> bytes) {
  constexpr ImageFormat kFormats[] = {ImageFormat::kJpeg, ImageFormat::kPng, ImageFormat::kWebp};
  for (size_t i = 0; i < std::size(kFormats); ++i) {  // the first signatures, in this order
    const Signature& signature = kSignatures[i];
    if (holds(bytes, 0, signature.first) && holds(bytes, signature.offset, signature.second)) {
      return kFormats[i];
    }
  }
  return std::nullopt;
}

}  // namespace bbg::image
