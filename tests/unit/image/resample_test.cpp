// kArea against its definition. The other filters have Pillow as their oracle (pillow_test.cpp).

#include "image/resample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "tests/unit/image/random_image.h"

namespace bbg::image {
namespace {

constexpr Filter kAll[] = {Filter::kArea, Filter::kBilinear, Filter::kBicubic};

// How much each input pixel of an axis counts in output pixel i. Shrinking: cut every input pixel
// into `to` equal parts; an output pixel is made of `from` parts that lie side by side. Enlarging:
// a triangle around the output pixel's centre, which lies within the outer centres, as wide as two
// input pixels; in steps of 1 / (2 to) of an input pixel.
std::vector<int64_t> weights(int64_t i, int64_t from, int64_t to) {
  std::vector<int64_t> counts(static_cast<size_t>(from));
  if (to <= from) {
    for (int64_t part = i * from; part < (i + 1) * from; ++part) {
      ++counts[static_cast<size_t>(part / to)];
    }
  } else {
    const int64_t centre = std::clamp<int64_t>((2 * i + 1) * from - to, 0, (from - 1) * 2 * to);
    for (int64_t x = 0; x < from; ++x) {
      counts[static_cast<size_t>(x)] = std::max<int64_t>(0, 2 * to - std::abs(centre - x * 2 * to));
    }
  }
  return counts;
}

// The exact value, rounded half up.
void expect_mean_over_area(const core::Image& in, const core::Image& out) {
  const int64_t rows = out.height <= in.height ? in.height : 2 * out.height;
  const int64_t columns = out.width <= in.width ? in.width : 2 * out.width;
  for (int64_t y = 0; y < out.height; ++y) {
    const std::vector<int64_t> down = weights(y, in.height, out.height);
    for (int64_t x = 0; x < out.width; ++x) {
      const std::vector<int64_t> along = weights(x, in.width, out.width);
      for (int64_t c = 0; c < in.channels; ++c) {
        int64_t sum = 0;
        for (int64_t v = 0; v < in.height; ++v) {
          if (down[static_cast<size_t>(v)] == 0) continue;
          int64_t row = 0;
          for (int64_t u = 0; u < in.width; ++u)
            row += along[static_cast<size_t>(u)] * at(in, v, u, c);
          sum += down[static_cast<size_t>(v)] * row;
        }
        ASSERT_EQ(at(out, y, x, c), (2 * sum + rows * columns) / (2 * rows * columns))
            << in.height << " x " << in.width << " to " << out.height << " x " << out.width;
      }
    }
  }
}

TEST(Resample, AreaIsTheExactMeanRoundedHalfUpAtAnySize) {
  core::RandomStream random(6, core::Purpose::kEvaluate, 0, 0);
  const auto side = [&] { return 1 + static_cast<int64_t>(random.next_below(40)); };
  Resampler resampler(Filter::kArea);
  for (int i = 0; i < 300; ++i) {
    const core::Image in = random_image(side(), side(), 1 + i % 5, random.next_uint32());
    core::Image out = blank_image(side(), side(), in.channels);
    resampler.resample(view(in), out.height, out.width, out.pixels);
    expect_mean_over_area(in, out);
  }
}

// Primes: 255 * 2909 * 2903 exceeds 31 bits, 255 * 2897 * 2887 does not.
TEST(Resample, AreaIsExactForSidesOfThousandsWithNothingInCommon) {
  const core::Image large = random_image(2909, 2903, 1);
  expect_mean_over_area(large, resampled(view(large), 2, 3, Filter::kArea));
  expect_mean_over_area(large,
                        resampled(window(view(large), 0, 0, 2909, 2903), 1, 2, Filter::kArea));
  const core::Image small = random_image(2897, 2887, 1);
  expect_mean_over_area(small, resampled(view(small), 3, 2, Filter::kArea));
}

// Three 1s among four pixels are 3/4; two are a tie.
TEST(Resample, ATieIsRoundedUp) {
  core::Image image{.height = 2, .width = 2, .channels = 1, .pixels = {1, 0, 0, 1}};
  EXPECT_EQ(resampled(view(image), 1, 1, Filter::kArea).pixels[0], 1);
  image.pixels = {254, 255, 254, 255};
  EXPECT_EQ(resampled(view(image), 1, 1, Filter::kArea).pixels[0], 255);
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
  for (const Filter filter : kAll) {
    for (const int64_t side : {1, 2, 31, 128, 300}) {
      core::Image flat = blank_image(100, 37, 3);
      std::fill(flat.pixels.begin(), flat.pixels.end(), uint8_t{255});
      const core::Image out = resampled(view(flat), side, side, filter);
      EXPECT_EQ(out.pixels, std::vector<uint8_t>(static_cast<size_t>(side * side * 3), 255));
    }
  }
}

TEST(Resample, ToItsOwnSizeChangesNothing) {
  const core::Image image = random_image(9, 9, 3);
  for (const Filter filter : kAll) {
    EXPECT_EQ(resampled(view(image), 9, 9, filter).pixels, image.pixels);
  }
}

// Rows of a window lie apart; what is around it is not read into the result.
TEST(Resample, AWindowGivesTheBytesOfItsCopy) {
  const core::Image image = random_image(50, 60, 3);
  const Pixels part = window(view(image), 7, 11, 30, 41);
  core::Image copy = blank_image(30, 41, 3);
  for (int64_t y = 0; y < 30; ++y) {
    std::copy_n(part.row(y), part.row_bytes(), copy.pixels.data() + y * 41 * 3);
  }
  for (const Filter filter : kAll) {
    for (const int64_t width : {17, 41, 90}) {
      EXPECT_EQ(resampled(part, 30, width, filter).pixels,
                resampled(view(copy), 30, width, filter).pixels);
      EXPECT_EQ(resampled(part, 20, width, filter).pixels,
                resampled(view(copy), 20, width, filter).pixels);
    }
  }
}

TEST(Resample, FiltersHaveWords) {
  EXPECT_EQ(core::word_of(kFilters, Filter::kBicubic), "bicubic");
  EXPECT_EQ(core::value_of(kFilters, "area"), Filter::kArea);
}

}  // namespace
}  // namespace bbg::image
