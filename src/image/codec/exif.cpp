#include "image/codec/exif.h"

#include <algorithm>
#include <string_view>

namespace bbg::image {

namespace {

using Bytes = std::span<const uint8_t>;
using std::string_view_literals::operator""sv;

bool starts_with(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

// A number of `count` bytes at `offset`, which are there.
size_t number(Bytes bytes, size_t offset, size_t count, bool is_little_endian) {
  size_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    value = value << 8 | bytes[offset + (is_little_endian ? count - 1 - i : i)];
  }
  return value;
}

// The part of `bytes` that begins at `offset`, of up to `count` bytes.
Bytes part(Bytes bytes, size_t offset, size_t count) {
  if (offset >= bytes.size()) return {};
  return bytes.subspan(offset, std::min(count, bytes.size() - offset));
}

constexpr std::string_view kExifStart = "Exif\0\0"sv;

// Marker segments up to the first scan: FF, type, length (with its own two bytes), content.
Bytes exif_of_jpeg(Bytes bytes) {
  size_t at = 2;
  while (at + 4 <= bytes.size() && bytes[at] == 0xFF && bytes[at + 1] != 0xDA) {
    const size_t length = number(bytes, at + 2, 2, false);
    const Bytes content = part(bytes, at + 4, std::max<size_t>(length, 2) - 2);
    if (bytes[at + 1] == 0xE1 && starts_with(content, kExifStart)) return content;
    at += 2 + length;
  }
  return {};
}

// Chunks: length, type, content, CRC.
Bytes exif_of_png(Bytes bytes) {
  for (size_t at = 8; at + 8 <= bytes.size();) {
    const size_t length = number(bytes, at, 4, false);
    if (starts_with(bytes.subspan(at + 4), "eXIf")) return part(bytes, at + 8, length);
    at += 12 + length;
  }
  return {};
}

// Chunks: type, length, content, and a byte more where the length is odd.
Bytes exif_of_webp(Bytes bytes) {
  for (size_t at = 12; at + 8 <= bytes.size();) {
    const size_t length = number(bytes, at + 4, 4, true);
    if (starts_with(bytes.subspan(at), "EXIF")) return part(bytes, at + 8, length);
    at += 8 + length + length % 2;
  }
  return {};
}

// EXIF is a TIFF file: byte order, 42, place of the first directory, whose entries are tag, type,
// number of values, value.
int orientation_in(Bytes tiff) {
  if (starts_with(tiff, kExifStart)) tiff = tiff.subspan(kExifStart.size());
  const bool is_little_endian = starts_with(tiff, "II*\0"sv);
  if ((!is_little_endian && !starts_with(tiff, "MM\0*"sv)) || tiff.size() < 8) return 1;
  const Bytes directory = part(tiff, number(tiff, 4, 4, is_little_endian), tiff.size());
  if (directory.size() < 2) return 1;
  const size_t count = number(directory, 0, 2, is_little_endian);
  for (size_t i = 0; i < count; ++i) {
    const Bytes entry = part(directory, 2 + 12 * i, 12);
    if (entry.size() < 12) return 1;
    if (number(entry, 0, 2, is_little_endian) != 0x0112) continue;
    const size_t type = number(entry, 2, 2, is_little_endian);
    if (number(entry, 4, 4, is_little_endian) != 1 || (type != 1 && type != 3 && type != 4)) {
      return 1;
    }
    const size_t bytes_of_type = type;  // byte: 1 of 1, short: 3 of 2, long: 4 of 4
    const size_t value = number(entry, 8, bytes_of_type == 3 ? 2 : bytes_of_type, is_little_endian);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace

int orientation_of(ImageFormat format, std::span<const uint8_t> bytes) {
  switch (format) {
    case ImageFormat::kJpeg:
      return orientation_in(exif_of_jpeg(bytes));
    case ImageFormat::kPng:
      return orientation_in(exif_of_png(bytes));
    case ImageFormat::kWebp:
      return orientation_in(exif_of_webp(bytes));
  }
  return 1;
}

}  // namespace bbg::image
