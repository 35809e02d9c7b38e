#include "data/augment.h"

#include <gtest/gtest.h>

#include <vector>

namespace bbg::data {
namespace {

TEST(Augment, FlipMirrorsEachRow) {
  // 2 x 3 pixels of 2 channels.
  std::vector<uint8_t> pixels = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const std::vector<uint8_t> original = pixels;
  flip_horizontally(pixels, 2, 3, 2);
  EXPECT_EQ(pixels, (std::vector<uint8_t>{5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8}));
  flip_horizontally(pixels, 2, 3, 2);
  EXPECT_EQ(pixels, original);
}

TEST(Augment, FlipsHalfOfTheSamplesByDrawAndSlot) {
  int flips = 0, same_as_next_draw = 0;
  for (int64_t draw = 0; draw < 100; ++draw) {
    for (int64_t slot = 0; slot < 100; ++slot) {
      flips += is_flipped(5, draw, slot);
      same_as_next_draw += is_flipped(5, draw, slot) == is_flipped(5, draw + 1, slot);
    }
  }
  // Five standard deviations (50 each) of 10,000 fair coins.
  EXPECT_NEAR(flips, 5000, 250);
  EXPECT_NEAR(same_as_next_draw, 5000, 250);
}

}  // namespace
}  // namespace bbg::data
