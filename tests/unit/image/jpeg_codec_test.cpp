#include <gtest/gtest.h>

#include "tests/support/decode_image.h"
#include "tests/support/encode_image.h"

namespace bbg::image {
namespace {

using test::encode_jpeg;

core::Image decode_jpeg(const std::string& bytes, int64_t channels) {
  return test::decode_image(bytes, {.channels = channels});
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
    const core::Image colour =
        decode_jpeg(encode_jpeg(19, 23, JCS_RGB, JCS_YCbCr, rgb, progressive), 3);
    EXPECT_EQ(colour.height, 19);
    EXPECT_EQ(colour.width, 23);
    EXPECT_EQ(colour.channels, 3);
    expect_near(colour.pixels, rgb, kJpegTolerance);
    const std::string grey_file =
        encode_jpeg(19, 23, JCS_GRAYSCALE, JCS_GRAYSCALE, grey, progressive);
    expect_near(decode_jpeg(grey_file, 1).pixels, grey, kJpegTolerance);
    const core::Image repeated = decode_jpeg(grey_file, 3);
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
    const core::Image image = decode_jpeg(encode_jpeg(16, 16, JCS_CMYK, space, cmyk), 3);
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
  const core::Image marked = decode_jpeg(encode_jpeg(16, 16, JCS_CMYK, JCS_CMYK, light), 3);
  expect_near(plain.pixels, marked.pixels, kJpegTolerance);
}

}  // namespace
}  // namespace bbg::image
