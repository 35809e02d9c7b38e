#include "image/flip.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/image/random_image.h"

namespace bbg::image {
namespace {

TEST(Flip, MirrorsEachRow) {
  // 2 x 3 pixels of 2 channels.
  std::vector<uint8_t> pixels = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const std::vector<uint8_t> original = pixels;
  flip_horizontally(pixels, 2, 3, 2);
  EXPECT_EQ(pixels, (std::vector<uint8_t>{5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8}));
  flip_horizontally(pixels, 2, 3, 2);
  EXPECT_EQ(pixels, original);
}

// Vectors of 16 bytes at both ends and single pixels in the middle: all lengths have their turn.
TEST(Flip, MirrorsRowsOfAnyLength) {
  for (int64_t channels = 1; channels <= 5; ++channels) {
    for (int64_t width = 1; width <= 100; ++width) {
      const core::Image image = random_image(2, width, channels, 1);
      core::Image flipped = image;
      flip_horizontally(flipped.pixels, 2, width, channels);
      for (int64_t y = 0; y < 2; ++y) {
        for (int64_t x = 0; x < width; ++x) {
          for (int64_t c = 0; c < channels; ++c) {
            ASSERT_EQ(at(flipped, y, x, c), at(image, y, width - 1 - x, c))
                << width << " pixels of " << channels << " channels";
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace bbg::image
