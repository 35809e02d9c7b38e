#include "image/fit.h"

#include <gtest/gtest.h>

#include "tests/unit/image/random_image.h"

namespace bbg::image {
namespace {

TEST(FitImage, PadsSmallImagesWithBlackAndKeepsThemUnchangedInTheMiddle) {
  const core::Image digit = random_image(28, 28, 1);
  const core::Image padded = fit_image(view(digit), 32, Fit::kPad);
  for (int64_t y = 0; y < 32; ++y) {
    for (int64_t x = 0; x < 32; ++x) {
      const bool is_inside = y >= 2 && y < 30 && x >= 2 && x < 30;
      EXPECT_EQ(at(padded, y, x, 0), is_inside ? at(digit, y - 2, x - 2, 0) : 0);
    }
  }
}

TEST(FitImage, LeavesAnOddRestOfThePaddingOnTheRightAndBelow) {
  const core::Image image = random_image(3, 2, 3);
  const core::Image padded = fit_image(view(image), 4, Fit::kPad);
  for (int64_t y = 0; y < 4; ++y) {
    for (int64_t x = 0; x < 4; ++x) {
      const bool is_inside = y < 3 && x >= 1 && x < 3;
      EXPECT_EQ(at(padded, y, x, 1), is_inside ? at(image, y, x - 1, 1) : 0);
    }
  }
}

TEST(FitImage, TakesTheLargestSquareInTheMiddle) {
  const core::Image image = random_image(4, 7, 2);
  const core::Image square = fit_image(view(image), 4, Fit::kResize);
  ASSERT_EQ(square.height, 4);
  ASSERT_EQ(square.width, 4);
  for (int64_t y = 0; y < 4; ++y) {
    for (int64_t x = 0; x < 4; ++x) EXPECT_EQ(at(square, y, x, 1), at(image, y, x + 1, 1));
  }
}

TEST(FitImage, ShrinksLargeImagesInBothModes) {
  const core::Image image = random_image(50, 40, 3);
  const core::Image a = fit_image(view(image), 32, Fit::kPad),
                    b = fit_image(view(image), 32, Fit::kResize);
  EXPECT_EQ(a.height, 32);
  EXPECT_EQ(a.width, 32);
  EXPECT_EQ(a.pixels, b.pixels);
  EXPECT_EQ(fit_image(view(random_image(28, 28, 1)), 32, Fit::kResize).height, 32);
}

TEST(FitImage, UsesTheResamplersFilter) {
  const core::Image image = random_image(50, 40, 3);
  Resampler bicubic(Filter::kBicubic);
  core::Image out = blank_image(32, 32, 3);
  fit(view(image), 32, Fit::kResize, bicubic, out.pixels);
  EXPECT_EQ(out.pixels,
            resampled(window(view(image), 5, 0, 40, 40), 32, 32, Filter::kBicubic).pixels);
}

}  // namespace
}  // namespace bbg::image
