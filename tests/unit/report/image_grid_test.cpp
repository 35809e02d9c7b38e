#include "report/image_grid.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "report/png.h"
#include "tests/unit/report/decode_png.h"

namespace bbg::report {
namespace {

constexpr int64_t kWidth = 3, kHeight = 2;

// Every pixel value of every image is another one, and none is white.
std::vector<core::Image> distinct_images(int64_t count, int64_t channels) {
  std::vector<core::Image> images;
  uint8_t value = 0;
  for (int64_t i = 0; i < count; ++i) {
    core::Image image{.height = kHeight, .width = kWidth, .channels = channels, .pixels = {}};
    for (int64_t j = 0; j < kWidth * kHeight * channels; ++j) image.pixels.push_back(value++);
    images.push_back(image);
  }
  return images;
}

// Asks for each pixel of the grid whose it is.
void expect_grid(const core::Image& grid, const std::vector<core::Image>& images, int64_t columns,
                 int64_t rows, int64_t padding) {
  const int64_t channels = images[0].channels;
  ASSERT_EQ(grid.width, columns * kWidth + (columns + 1) * padding);
  ASSERT_EQ(grid.height, rows * kHeight + (rows + 1) * padding);
  ASSERT_EQ(grid.channels, channels);
  for (int64_t y = 0; y < grid.height; ++y) {
    for (int64_t x = 0; x < grid.width; ++x) {
      const int64_t column = x / (kWidth + padding), inner_x = x % (kWidth + padding) - padding;
      const int64_t row = y / (kHeight + padding), inner_y = y % (kHeight + padding) - padding;
      const int64_t index = row * columns + column;
      const bool is_used = inner_x >= 0 && inner_y >= 0 && index < std::ssize(images);
      for (int64_t c = 0; c < channels; ++c) {
        const uint8_t expected =
            is_used ? images[static_cast<size_t>(index)]
                          .pixels[static_cast<size_t>((inner_y * kWidth + inner_x) * channels + c)]
                    : 255;
        ASSERT_EQ(grid.pixels[static_cast<size_t>((y * grid.width + x) * channels + c)], expected)
            << "x " << x << ", y " << y << ", channel " << c;
      }
    }
  }
}

TEST(MakeGrid, ImagesStandRowByRowInWhitePaddingAndUnusedCellsAreWhite) {
  for (const int64_t channels : {1, 3}) {
    for (const int64_t padding : {0, 1, 2}) {
      const auto images = distinct_images(7, channels);
      expect_grid(make_grid(images, 3, padding), images, 3, 3, padding);
    }
  }
}

TEST(MakeGrid, AFullGridHasNoFurtherRow) {
  const auto images = distinct_images(6, 1);
  expect_grid(make_grid(images, 3, 1), images, 3, 2, 1);
}

TEST(MakeGrid, FewerImagesThanColumnsMakeANarrowerGrid) {
  const auto images = distinct_images(2, 3);
  expect_grid(make_grid(images, 8, 2), images, 2, 1, 2);
}

TEST(MakeGrid, SurvivesThePngFile) {
  const auto images = distinct_images(5, 3);
  expect_grid(test::decode_png(encode_png(make_grid(images, 2, 2))), images, 2, 3, 2);
}

TEST(MakeGrid, NoImagesOrUnequalOnesAreABug) {
  EXPECT_THROW(make_grid({}, 3, 1), core::InternalError);
  EXPECT_THROW(make_grid(distinct_images(2, 1), 0, 1), core::InternalError);
  EXPECT_THROW(make_grid(distinct_images(2, 1), 2, -1), core::InternalError);
  auto images = distinct_images(2, 1);
  images[1] = distinct_images(1, 3)[0];
  EXPECT_THROW(make_grid(images, 2, 1), core::InternalError);
}

}  // namespace
}  // namespace bbg::report
