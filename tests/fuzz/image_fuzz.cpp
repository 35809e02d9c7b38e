// Damaged images are decoded or refused, and a window is a part of the whole.

#include <gtest/gtest.h>
#include <zlib.h>

#include "core/error.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain_jpeg.h"
#include "tests/support/decode_image.h"
#include "tests/unit/image/codec_window.h"

namespace bbg::data {
namespace {

// Larger ones are left out: what costs time there is memory only.
constexpr int64_t kMostPixels = 1 << 20;

uint32_t big_endian(const std::string& file, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(file[at + i]);
  return value;
}

// Gives each chunk of a PNG the checksum of its content; else damage would never get past it.
void mend_checksums(std::string& file) {
  for (size_t at = 8; at + 12 <= file.size();) {
    const size_t length = big_endian(file, at);
    if (length > file.size() - at - 12) return;
    const auto* content = reinterpret_cast<const Bytef*>(file.data()) + at + 4;
    const uint32_t sum = static_cast<uint32_t>(crc32(0, content, static_cast<uInt>(length + 4)));
    for (size_t i = 0; i < 4; ++i) {
      file[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i) & 255);
    }
    at += 12 + length;
  }
}

bool decodes(image::Decoder& decoder, std::span<const uint8_t> bytes, core::Image& image) {
  std::vector<uint8_t> memory;
  try {
    const image::ImageSize size = decoder.size(bytes, "damaged");
    if (size.height * size.width > kMostPixels) return false;
    image = copy(decoder.decode(bytes, "damaged", memory));
    EXPECT_EQ(size, (image::ImageSize{image.height, image.width}));
    return true;
  } catch (const core::UsageError&) {
    return false;
  }
}

void try_window(image::Decoder& decoder, std::span<const uint8_t> bytes, test::Mutator& random) {
  std::vector<uint8_t> memory;
  try {
    const image::ImageSize size = decoder.size(bytes, "damaged");
    if (size.height * size.width > kMostPixels) return;
    const auto height = static_cast<int64_t>(1 + random.below(static_cast<size_t>(size.height)));
    const auto width = static_cast<int64_t>(1 + random.below(static_cast<size_t>(size.width)));
    decoder.decode_window(bytes, {size.height - height, size.width - width, height, width},
                          "damaged", memory);
  } catch (const core::UsageError&) {
  }
}

// Baseline files; others decode for long where they are damaged.
std::vector<std::string> baseline_files() {
  std::vector<std::string> files;
  for (const std::string& file : test::corpus("image")) {
    const bool is_cmyk = file.find("Adobe") != std::string::npos;
    if (file.find("\xFF\xC0") != std::string::npos && !is_cmyk) files.push_back(file);
  }
  return files;
}

TEST(Fuzz, DamagedBaselineJpegsDecodeAsByLibjpegAlone) {
  image::Decoder decoder({});
  core::Image image;
  int decoded = 0;
  test::fuzz(baseline_files(), [&](const std::string& file, test::Mutator&) {
    const std::vector<uint8_t> bytes(file.begin(), file.end());
    if (image::recognise_format(bytes) != image::ImageFormat::kJpeg) return;
    try {
      const image::ImageSize size = decoder.size(bytes, "damaged");
      if (size.height * size.width > kMostPixels) return;
    } catch (const core::UsageError&) {
      return;
    }
    const auto expected = test::plain_jpeg(bytes);
    const bool is_decoded = decodes(decoder, bytes, image);
    EXPECT_EQ(is_decoded, expected.has_value());
    EXPECT_TRUE(!expected || image.pixels == *expected);
    decoded += is_decoded;
  });
  EXPECT_GT(decoded, 0);
}

TEST(Fuzz, DamagedImagesAreDecodedOrRefused) {
  image::Decoder colour({.exif = image::Exif::kApply}),
      grey({.channels = 1, .alpha = image::Alpha::kDrop});
  core::Image image;
  int decoded = 0;
  test::fuzz(test::corpus("image"), [&](std::string file, test::Mutator& random) {
    if (file.starts_with("\x89PNG") && random.below(4) != 0) mend_checksums(file);
    // Exactly as long as the file, so that AddressSanitizer sees what reads beyond it.
    const std::vector<uint8_t> bytes(file.begin(), file.end());
    for (image::Decoder* decoder : {&colour, &grey}) {
      if (decodes(*decoder, bytes, image)) {
        ++decoded;
        expect_windows_equal_parts(*decoder, bytes, image, 2);
      } else {
        try_window(*decoder, bytes, random);
      }
    }
  });
  EXPECT_GT(decoded, 0);
}

}  // namespace
}  // namespace bbg::data
