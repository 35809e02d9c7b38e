#include <gtest/gtest.h>

#include "core/rng.h"
#include "tests/support/decode_image.h"
#include "tests/support/encode_image.h"
#include "tests/unit/image/codec_refusal.h"

namespace bbg::image {
namespace {

using test::encode_png;

core::Image decode_png(const std::string& bytes, int64_t channels) {
  return test::decode_image(bytes, {.channels = channels});
}

std::vector<uint8_t> random_bytes(size_t count) {
  std::vector<uint8_t> bytes(count);
  core::RandomStream random(4, core::Purpose::kEvaluate, 0, 0);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next_uint32());
  return bytes;
}

TEST(Png, DecodesEveryKindExactly) {
  const auto rgb = random_bytes(13 * 17 * 3);
  for (const bool interlaced : {false, true}) {
    EXPECT_EQ(decode_png(encode_png(13, 17, PNG_COLOR_TYPE_RGB, 8, rgb, interlaced), 3).pixels,
              rgb);
  }
  const auto grey = random_bytes(13 * 17);
  const core::Image repeated = decode_png(encode_png(13, 17, PNG_COLOR_TYPE_GRAY, 8, grey), 3);
  for (size_t i = 0; i < repeated.pixels.size(); ++i) ASSERT_EQ(repeated.pixels[i], grey[i / 3]);
  // One bit a pixel: 8 pixels.
  EXPECT_EQ(decode_png(encode_png(1, 8, PNG_COLOR_TYPE_GRAY, 1, {0b10110001}), 1).pixels,
            (std::vector<uint8_t>{255, 0, 255, 255, 0, 0, 0, 255}));
}

TEST(Png, KeepsTheUpperByteOfSixteenBits) {
  std::vector<uint8_t> rows, expected;
  for (int value = 0; value < 65536; value += 257 / 2) {
    rows.push_back(static_cast<uint8_t>(value >> 8));
    rows.push_back(static_cast<uint8_t>(value & 255));
    expected.push_back(static_cast<uint8_t>(value >> 8));
  }
  const int width = static_cast<int>(expected.size());
  EXPECT_EQ(decode_png(encode_png(1, width, PNG_COLOR_TYPE_GRAY, 16, rows), 1).pixels, expected);
}

TEST(Png, PalettesAreResolvedAndTransparencyIsLaidOverWhite) {
  const test::PngPalette palette{.colours = {{10, 20, 30}, {200, 100, 0}, {5, 5, 5}},
                                 .alpha = {255, 128, 0}};
  EXPECT_EQ(
      decode_png(encode_png(1, 3, PNG_COLOR_TYPE_PALETTE, 8, {0, 1, 2}, false, palette), 3).pixels,
      (std::vector<uint8_t>{10, 20, 30,        //
                            227, 177, 127,     // c * 128/255 + 255 * 127/255
                            255, 255, 255}));  // clear
  EXPECT_EQ(decode_png(encode_png(1, 2, PNG_COLOR_TYPE_GRAY_ALPHA, 8, {90, 255, 90, 0}), 1).pixels,
            (std::vector<uint8_t>{90, 255}));
}

TEST(Png, FlippedByteInThePixelsIsRefused) {
  std::string bad = encode_png(20, 20, PNG_COLOR_TYPE_RGB, 8, random_bytes(20 * 20 * 3));
  bad[bad.size() / 2] ^= 4;
  EXPECT_NE(refusal(bad), "accepted");
}

// Values of Pillow 13.0.0: Image.new("RGB", (1, 1), rgb).convert("L").
TEST(Png, GreyIsTheLumaOfBt601) {
  const std::vector<uint8_t> rgb = {255, 0,   0,   0,  255, 0,  0,  0,   255,
                                    255, 255, 255, 17, 17,  17, 12, 200, 99};
  EXPECT_EQ(decode_png(encode_png(1, 6, PNG_COLOR_TYPE_RGB, 8, rgb), 1).pixels,
            (std::vector<uint8_t>{76, 150, 29, 255, 17, 132}));
}

}  // namespace
}  // namespace bbg::image
