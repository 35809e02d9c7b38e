// The law of random_area_box, and the same boxes from a second statement of it in Python.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <sstream>
#include <vector>

#include "image/transform.h"
#include "tests/unit/image/pillow.h"

namespace bbg::image {
namespace {

constexpr uint64_t kSamples = 20'000;
constexpr double kLeastArea = 0.08;
const double kLog = std::log(4.0 / 3);

core::RandomStream stream(uint64_t sample) { return {11, core::Purpose::kAugment, 1, sample}; }

// Kolmogorov and Smirnov: the largest distance between the values' distribution and `cdf` exceeds
// 1.95 / sqrt(n) once in a thousand samples of that law.
void expect_law(std::vector<double> values, const std::function<double(double)>& cdf) {
  std::sort(values.begin(), values.end());
  const auto count = static_cast<double>(values.size());
  double distance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double expected = cdf(values[i]);
    distance = std::max({distance, expected - static_cast<double>(i) / count,
                         static_cast<double>(i + 1) / count - expected});
  }
  EXPECT_LT(distance, 1.95 / std::sqrt(count));
}

struct Shape {
  double area, log_ratio;
};

// Images are so large that whole pixels do not show.
std::vector<Shape> shapes(int64_t height, int64_t width) {
  std::vector<Shape> all;
  for (uint64_t i = 0; i < kSamples; ++i) {
    core::RandomStream random = stream(i);
    const Box box = random_area_box(random, height, width);
    const auto h = static_cast<double>(box.height), w = static_cast<double>(box.width);
    all.push_back({h * w / static_cast<double>(height * width), std::log(w / h)});
  }
  return all;
}

// A drawn shape fits a square image if |log ratio| <= -log area, so what is taken has, for area a,
// a density in proportion to min(log 4/3, -log a), and for log ratio u to exp(-|u|) - 0.08.
TEST(RandomArea, AreaAndRatioHaveTheLawOfWhatFitsASquareImage) {
  std::vector<double> areas, log_ratios;
  for (const Shape& shape : shapes(1'000'000, 1'000'000)) {
    areas.push_back(shape.area);
    log_ratios.push_back(shape.log_ratio);
  }
  const auto below_area = [](double a) {
    const auto primitive = [](double t) { return t - t * std::log(t); };
    const double flat = kLog * (std::min(a, 0.75) - kLeastArea);
    return a <= 0.75 ? flat : flat + primitive(a) - primitive(0.75);
  };
  expect_law(areas, [&](double a) { return below_area(a) / below_area(1); });
  const auto half = [](double u) { return 1 - std::exp(-u) - kLeastArea * u; };  // from 0 to u
  expect_law(log_ratios, [&](double u) {
    return 0.5 + std::copysign(half(std::abs(u)), u) / (2 * half(kLog));
  });
}

// Below 3/4 of the area every ratio fits: both are uniform, whatever the other is.
TEST(RandomArea, AreaAndLogarithmOfTheRatioAreUniformAndIndependentWhereAllFit) {
  std::vector<double> areas, log_ratios, ratios_of_small, ratios_of_large;
  for (const Shape& shape : shapes(1'000'000, 1'000'000)) {
    if (shape.area > 0.75) continue;
    areas.push_back(shape.area);
    log_ratios.push_back(shape.log_ratio);
    (shape.area < 0.4 ? ratios_of_small : ratios_of_large).push_back(shape.log_ratio);
  }
  const auto uniform_ratio = [](double u) { return (u + kLog) / (2 * kLog); };
  expect_law(areas, [](double a) { return (a - kLeastArea) / (0.75 - kLeastArea); });
  expect_law(log_ratios, uniform_ratio);
  expect_law(ratios_of_small, uniform_ratio);
  expect_law(ratios_of_large, uniform_ratio);
}

TEST(RandomArea, CornersAreUniformOverAllPlaces) {
  std::vector<double> tops, lefts;
  for (uint64_t i = 0; i < kSamples; ++i) {
    core::RandomStream random = stream(i);
    const Box box = random_area_box(random, 1'000'000, 1'500'000);
    // Where the whole height or width is taken, all is one place.
    if (box.height < 999'000) {
      tops.push_back(static_cast<double>(box.top) / static_cast<double>(1'000'000 - box.height));
    }
    lefts.push_back(static_cast<double>(box.left) / static_cast<double>(1'500'000 - box.width));
  }
  expect_law(tops, [](double t) { return t; });
  expect_law(lefts, [](double t) { return t; });
}

TEST(RandomArea, LiesInsideImagesOfAnyShape) {
  for (const int64_t height : {1, 2, 3, 7, 50, 333}) {
    for (const int64_t width : {1, 2, 5, 8, 64, 500, 3000}) {
      for (uint64_t i = 0; i < 300; ++i) {
        core::RandomStream random = stream(i);
        const Box box = random_area_box(random, height, width);
        ASSERT_TRUE(box.top >= 0 && box.left >= 0 && box.height >= 1 && box.width >= 1 &&
                    box.top + box.height <= height && box.left + box.width <= width)
            << height << " x " << width;
      }
    }
  }
}

// The lowest box of a 30 x 1000 image would be sqrt(0.08 * 30 * 1000 / (4/3)) = 42 pixels high.
TEST(RandomArea, OfImagesTooNarrowForItTheMiddleIsTakenWithTheRatioInBounds) {
  for (uint64_t i = 0; i < 50; ++i) {
    core::RandomStream wide = stream(i), tall = stream(i);
    EXPECT_EQ(random_area_box(wide, 30, 1000), (Box{0, 480, 30, 40}));
    EXPECT_EQ(random_area_box(tall, 1000, 30), (Box{480, 0, 40, 30}));
  }
  core::RandomStream odd = stream(0), half = stream(0);
  EXPECT_EQ(random_area_box(odd, 1000, 31), (Box{479, 0, 41, 31}));  // 41.3
  EXPECT_EQ(random_area_box(half, 1001, 21), (Box{486, 0, 28, 21}));
}

TEST(RandomArea, EqualsTorchvisionsLawForTheSameNumbers) {
  const test::TemporaryFolder folder;
  const std::string reason = why_no_pillow(folder);
  if (!reason.empty()) GTEST_SKIP() << reason;
  std::string cases;
  std::vector<Box> boxes;
  for (uint64_t i = 0; i < 2000; ++i) {
    core::RandomStream shape(12, core::Purpose::kEvaluate, 0, i);
    const auto height = 1 + static_cast<int64_t>(shape.next_below(i % 2 == 0 ? 700 : 40));
    const auto width = 1 + static_cast<int64_t>(shape.next_below(i % 4 < 2 ? 700 : 40));
    cases += std::to_string(height) + " " + std::to_string(width);
    core::RandomStream numbers = stream(i), random = stream(i);
    for (int k = 0; k < 60; ++k) cases += " " + std::to_string(numbers.next_uint32());
    cases += "\n";
    boxes.push_back(random_area_box(random, height, width));
  }
  test::write_file(folder / "cases", cases);
  run_oracle(folder, "boxes.py", {"cases", "result"});
  std::istringstream result(test::read_file(folder / "result"));
  for (size_t i = 0; i < boxes.size(); ++i) {
    Box expected;
    result >> expected.top >> expected.left >> expected.height >> expected.width;
    ASSERT_TRUE(result.good());
    EXPECT_EQ(boxes[i], expected) << i;
  }
}

}  // namespace
}  // namespace bbg::image
