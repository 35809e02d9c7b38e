#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/rng.h"
#include "tests/support/decode_image.h"
#include "tests/support/encode_image.h"

namespace bbg::data {
namespace {

using test::encode_jpeg;
using test::encode_png;
using testing::HasSubstr;

core::Image decode(const std::string& bytes, int64_t channels) {
  return test::decode_image(bytes, {.channels = channels});
}

std::string refusal(const std::string& bytes) {
  try {
    decode(bytes, 3);
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

std::vector<uint8_t> random_bytes(size_t count) {
  std::vector<uint8_t> bytes(count);
  core::RandomStream random(4, core::Purpose::kEvaluate, 0, 0);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next_uint32());
  return bytes;
}

// A smooth image: JPEG at quality 100 changes it by a few steps at most.
std::vector<uint8_t> smooth(int height, int width, int channels) {
  std::vector<uint8_t> pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        pixels.push_back(static_cast<uint8_t>(40 + 3 * x + 2 * y + 20 * c));
      }
    }
  }
  return pixels;
}

void expect_near(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b, int tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << i;
}

// Rounding of coefficients at quality 100 (steps of 1) and of YCbCr: 3 steps at most were seen.
constexpr int kJpegTolerance = 4;

TEST(Jpeg, DecodesColourAndGreyBaselineAndProgressive) {
  const auto rgb = smooth(19, 23, 3), grey = smooth(19, 23, 1);
  for (const bool progressive : {false, true}) {
    const core::Image colour = decode(encode_jpeg(19, 23, JCS_RGB, JCS_YCbCr, rgb, progressive), 3);
    EXPECT_EQ(colour.height, 19);
    EXPECT_EQ(colour.width, 23);
    EXPECT_EQ(colour.channels, 3);
    expect_near(colour.pixels, rgb, kJpegTolerance);
    const std::string grey_file =
        encode_jpeg(19, 23, JCS_GRAYSCALE, JCS_GRAYSCALE, grey, progressive);
    expect_near(decode(grey_file, 1).pixels, grey, kJpegTolerance);
    const core::Image repeated = decode(grey_file, 3);
    for (size_t i = 0; i < repeated.pixels.size(); ++i) {
      ASSERT_NEAR(repeated.pixels[i], grey[i / 3], kJpegTolerance);
    }
  }
}

// libjpeg's encoder writes Adobe's marker with CMYK and YCCK, whose values are then light, not ink.
TEST(Jpeg, CmykAndYcckBecomeRgb) {
  const auto cmyk = smooth(16, 16, 4);
  std::vector<uint8_t> expected;
  for (size_t i = 0; i < cmyk.size(); i += 4) {
    for (size_t c = 0; c < 3; ++c) {
      expected.push_back(static_cast<uint8_t>((cmyk[i + c] * cmyk[i + 3] + 127) / 255));
    }
  }
  for (const J_COLOR_SPACE space : {JCS_CMYK, JCS_YCCK}) {
    const core::Image image = decode(encode_jpeg(16, 16, JCS_CMYK, space, cmyk), 3);
    ASSERT_EQ(image.channels, 3);
    expect_near(image.pixels, expected, kJpegTolerance);
  }
}

TEST(Jpeg, CmykIsInkWhereThatIsAskedFor) {
  const auto light = smooth(16, 16, 4);
  std::vector<uint8_t> ink = light;
  for (uint8_t& value : ink) value = static_cast<uint8_t>(255 - value);
  const std::string file = encode_jpeg(16, 16, JCS_CMYK, JCS_CMYK, ink);
  const core::Image plain = test::decode_image(file, {.cmyk = Cmyk::kInk});
  const core::Image marked = decode(encode_jpeg(16, 16, JCS_CMYK, JCS_CMYK, light), 3);
  expect_near(plain.pixels, marked.pixels, kJpegTolerance);
}

TEST(Jpeg, TruncatedFileIsRefusedWhereverItEnds) {
  const std::string good = encode_jpeg(32, 32, JCS_RGB, JCS_YCbCr, random_bytes(32 * 32 * 3));
  ASSERT_EQ(refusal(good), "accepted");
  for (size_t length = 0; length < good.size() - 2; length += 13) {
    EXPECT_THAT(refusal(good.substr(0, length)), HasSubstr("cannot decode folder/a.jpg: "))
        << length;
  }
  EXPECT_THAT(refusal(good.substr(0, good.size() / 2)), HasSubstr("remature end"));
}

TEST(Png, DecodesEveryKindExactly) {
  const auto rgb = random_bytes(13 * 17 * 3);
  for (const bool interlaced : {false, true}) {
    EXPECT_EQ(decode(encode_png(13, 17, PNG_COLOR_TYPE_RGB, 8, rgb, interlaced), 3).pixels, rgb);
  }
  const auto grey = random_bytes(13 * 17);
  const core::Image repeated = decode(encode_png(13, 17, PNG_COLOR_TYPE_GRAY, 8, grey), 3);
  for (size_t i = 0; i < repeated.pixels.size(); ++i) ASSERT_EQ(repeated.pixels[i], grey[i / 3]);
  // One bit a pixel: 8 pixels.
  EXPECT_EQ(decode(encode_png(1, 8, PNG_COLOR_TYPE_GRAY, 1, {0b10110001}), 1).pixels,
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
  EXPECT_EQ(decode(encode_png(1, width, PNG_COLOR_TYPE_GRAY, 16, rows), 1).pixels, expected);
}

TEST(Png, PalettesAreResolvedAndTransparencyIsLaidOverWhite) {
  const test::PngPalette palette{.colours = {{10, 20, 30}, {200, 100, 0}, {5, 5, 5}},
                                 .alpha = {255, 128, 0}};
  EXPECT_EQ(
      decode(encode_png(1, 3, PNG_COLOR_TYPE_PALETTE, 8, {0, 1, 2}, false, palette), 3).pixels,
      (std::vector<uint8_t>{10, 20, 30,        //
                            227, 177, 127,     // c * 128/255 + 255 * 127/255
                            255, 255, 255}));  // clear
  EXPECT_EQ(decode(encode_png(1, 2, PNG_COLOR_TYPE_GRAY_ALPHA, 8, {90, 255, 90, 0}), 1).pixels,
            (std::vector<uint8_t>{90, 255}));
}

TEST(Png, TruncatedFileIsRefusedWhereverItEnds) {
  const std::string good = encode_png(20, 20, PNG_COLOR_TYPE_RGB, 8, random_bytes(20 * 20 * 3));
  for (size_t length = 0; length < good.size(); length += 7) {
    EXPECT_THAT(refusal(good.substr(0, length)), HasSubstr("cannot decode folder/a.jpg: "))
        << length;
  }
  EXPECT_THAT(refusal(good.substr(0, good.size() - 1)), HasSubstr("Premature end of PNG file"));
}

TEST(Png, FlippedByteInThePixelsIsRefused) {
  std::string bad = encode_png(20, 20, PNG_COLOR_TYPE_RGB, 8, random_bytes(20 * 20 * 3));
  bad[bad.size() / 2] ^= 4;
  EXPECT_NE(refusal(bad), "accepted");
}

TEST(ImageCodec, GoesByContentNotByName) {
  EXPECT_THAT(refusal("just some text"), HasSubstr("folder/a.jpg: it is neither JPEG nor PNG"));
  EXPECT_THAT(refusal(""), HasSubstr("it is empty"));
  EXPECT_THAT(refusal("GIF89a..."), HasSubstr("neither"));
}

// Values of Pillow 13.0.0: Image.new("RGB", (1, 1), rgb).convert("L").
TEST(ImageCodec, GreyIsTheLumaOfBt601) {
  const std::vector<uint8_t> rgb = {255, 0,   0,   0,  255, 0,  0,  0,   255,
                                    255, 255, 255, 17, 17,  17, 12, 200, 99};
  EXPECT_EQ(decode(encode_png(1, 6, PNG_COLOR_TYPE_RGB, 8, rgb), 1).pixels,
            (std::vector<uint8_t>{76, 150, 29, 255, 17, 132}));
}

}  // namespace
}  // namespace bbg::data
