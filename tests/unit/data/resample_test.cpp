#include "data/resample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/data/random_image.h"

namespace bbg::data {
namespace {

using test::at;
using test::random_image;
using test::resampled;

// The definition: cut every input pixel into out x out equal parts; output pixel (y, x) is the mean
// of the in x in parts below it, rounded half up.
TEST(Resample, ShrinkingIsTheMeanOverTheExactArea) {
  const core::Image image = random_image(7, 11, 3);
  const core::Image small = resampled(view(image), 3, 5, Filter::kArea);
  ASSERT_EQ(small.pixels.size(), 3u * 5 * 3);
  for (int64_t y = 0; y < 3; ++y) {
    for (int64_t x = 0; x < 5; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        int sum = 0;
        for (int64_t v = y * 7; v < (y + 1) * 7; ++v) {
          for (int64_t u = x * 11; u < (x + 1) * 11; ++u) sum += at(image, v / 3, u / 5, c);
        }
        EXPECT_EQ(at(small, y, x, c), (2 * sum + 77) / (2 * 77));
      }
    }
  }
}

TEST(Resample, EnlargingALinearRampStaysLinear) {
  core::Image ramp{.height = 2, .width = 8, .channels = 1, .pixels = {}};
  for (int i = 0; i < 16; ++i) ramp.pixels.push_back(static_cast<uint8_t>(i % 8 * 30));
  const core::Image large = resampled(view(ramp), 4, 24, Filter::kArea);
  for (int64_t y = 0; y < 4; ++y) {
    for (int64_t x = 0; x < 24; ++x) {
      // 30 * ((x + 1/2) / 3 - 1/2): always whole.
      EXPECT_EQ(at(large, y, x, 0), std::clamp<int64_t>(10 * x - 10, 0, 210));
    }
  }
}

TEST(Resample, KeepsFlatImagesFlatAtAnySize) {
  for (const Filter filter : {Filter::kArea, Filter::kBilinear, Filter::kBicubic}) {
    for (const int64_t side : {1, 2, 31, 128, 300}) {
      core::Image flat{.height = 100, .width = 37, .channels = 3, .pixels = {}};
      flat.pixels.assign(100 * 37 * 3, 255);
      const core::Image out = resampled(view(flat), side, side, filter);
      EXPECT_EQ(out.pixels, std::vector<uint8_t>(static_cast<size_t>(side * side * 3), 255));
    }
  }
}

TEST(Resample, ToItsOwnSizeChangesNothing) {
  const core::Image image = random_image(9, 9, 3);
  for (const Filter filter : {Filter::kArea, Filter::kBilinear, Filter::kBicubic}) {
    EXPECT_EQ(resampled(view(image), 9, 9, filter).pixels, image.pixels);
  }
}

}  // namespace
}  // namespace bbg::data
