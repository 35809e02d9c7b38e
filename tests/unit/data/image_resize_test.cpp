#include "data/image_resize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/rng.h"

namespace bbg::data {
namespace {

core::Image random_image(int64_t height, int64_t width, int64_t channels) {
  core::Image image{.height = height, .width = width, .channels = channels, .pixels = {}};
  core::RandomStream random(3, core::Purpose::kEvaluate, 0, 0);
  for (int64_t i = 0; i < height * width * channels; ++i) {
    image.pixels.push_back(static_cast<uint8_t>(random.next_uint32()));
  }
  return image;
}

int at(const core::Image& image, int64_t y, int64_t x, int64_t c) {
  return image.pixels[static_cast<size_t>((y * image.width + x) * image.channels + c)];
}

// The definition: cut every input pixel into out x out equal parts; output pixel (y, x) is the mean
// of the in x in parts below it.
TEST(Resample, ShrinkingIsTheMeanOverTheExactArea) {
  const core::Image image = random_image(7, 11, 3);
  const core::Image small = resample(image, 3, 5);
  ASSERT_EQ(small.pixels.size(), 3u * 5 * 3);
  for (int64_t y = 0; y < 3; ++y) {
    for (int64_t x = 0; x < 5; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (int64_t v = y * 7; v < (y + 1) * 7; ++v) {
          for (int64_t u = x * 11; u < (x + 1) * 11; ++u) sum += at(image, v / 3, u / 5, c);
        }
        // Half a step of rounding, and float sums that may fall on the other side of it.
        EXPECT_NEAR(at(small, y, x, c), sum / 77, 0.5 + 1e-4);
      }
    }
  }
}

TEST(Resample, EnlargingALinearRampStaysLinear) {
  core::Image ramp{.height = 2, .width = 8, .channels = 1, .pixels = {}};
  for (int i = 0; i < 16; ++i) ramp.pixels.push_back(static_cast<uint8_t>(i % 8 * 30));
  const core::Image large = resample(ramp, 4, 24);
  for (int64_t y = 0; y < 4; ++y) {
    for (int64_t x = 0; x < 24; ++x) {
      const double centre = std::clamp((static_cast<double>(x) + 0.5) / 3 - 0.5, 0.0, 7.0);
      EXPECT_NEAR(at(large, y, x, 0), 30 * centre, 0.51);
    }
  }
}

TEST(Resample, KeepsFlatImagesFlatAtAnySize) {
  for (const int64_t side : {1, 2, 31, 128, 300}) {
    core::Image flat{.height = 100, .width = 37, .channels = 3, .pixels = {}};
    flat.pixels.assign(100 * 37 * 3, 255);
    const core::Image out = resample(flat, side, side);
    EXPECT_EQ(out.pixels, std::vector<uint8_t>(static_cast<size_t>(side * side * 3), 255));
  }
}

TEST(Resample, ToItsOwnSizeChangesNothing) {
  const core::Image image = random_image(9, 9, 3);
  EXPECT_EQ(resample(image, 9, 9).pixels, image.pixels);
}

TEST(CropToSquare, TakesTheMiddle) {
  const core::Image image = random_image(4, 7, 2);
  const core::Image square = crop_to_square(image);
  ASSERT_EQ(square.height, 4);
  ASSERT_EQ(square.width, 4);
  for (int64_t y = 0; y < 4; ++y) {
    for (int64_t x = 0; x < 4; ++x) EXPECT_EQ(at(square, y, x, 1), at(image, y, x + 1, 1));
  }
}

TEST(FitImage, PadsSmallImagesWithBlackAndKeepsThemUnchangedInTheMiddle) {
  const core::Image digit = random_image(28, 28, 1);
  const core::Image padded = fit_image(digit, 32, Fit::kPad);
  for (int64_t y = 0; y < 32; ++y) {
    for (int64_t x = 0; x < 32; ++x) {
      const bool is_inside = y >= 2 && y < 30 && x >= 2 && x < 30;
      EXPECT_EQ(at(padded, y, x, 0), is_inside ? at(digit, y - 2, x - 2, 0) : 0);
    }
  }
}

TEST(FitImage, ShrinksLargeImagesInBothModes) {
  const core::Image image = random_image(50, 40, 3);
  const core::Image a = fit_image(image, 32, Fit::kPad), b = fit_image(image, 32, Fit::kResize);
  EXPECT_EQ(a.height, 32);
  EXPECT_EQ(a.width, 32);
  EXPECT_EQ(a.pixels, b.pixels);
  EXPECT_EQ(fit_image(random_image(28, 28, 1), 32, Fit::kResize).height, 32);
}

}  // namespace
}  // namespace bbg::data
