#include "data/augment.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace bbg::data {
namespace {

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

TEST(Augment, CropsLieAtEveryPlaceAlikeByDrawAndSlotAndApartFromFlips) {
  // 3 x 4 places.
  std::vector<int> counts(12), flipped(12);
  for (int64_t draw = 0; draw < 120; ++draw) {
    for (int64_t slot = 0; slot < 100; ++slot) {
      const Corner corner = random_corner(5, draw, slot, 7, 8, 5);
      ASSERT_TRUE(corner.top >= 0 && corner.top < 3 && corner.left >= 0 && corner.left < 4);
      const auto place = static_cast<size_t>(corner.top * 4 + corner.left);
      ++counts[place];
      flipped[place] += is_flipped(5, draw, slot);
    }
  }
  for (size_t place = 0; place < counts.size(); ++place) {
    // Five standard deviations: 30 of 12,000 draws with probability 1/12, 16 of 1,000 fair coins.
    EXPECT_NEAR(counts[place], 1000, 150);
    EXPECT_NEAR(flipped[place], counts[place] / 2, 80);
  }
  // One place where nothing is to spare.
  EXPECT_EQ(random_corner(5, 1, 2, 5, 5, 5).top, 0);
  EXPECT_EQ(random_corner(5, 1, 2, 5, 5, 5).left, 0);
}

TEST(Augment, CropInPlaceIsTheWindowAtItsCorner) {
  constexpr int64_t kHeight = 5, kWidth = 6, kChannels = 2, kCrop = 3;
  std::vector<uint8_t> original(kHeight * kWidth * kChannels);
  std::iota(original.begin(), original.end(), uint8_t{0});
  for (int64_t top = 0; top <= kHeight - kCrop; ++top) {
    for (int64_t left = 0; left <= kWidth - kCrop; ++left) {
      std::vector<uint8_t> pixels = original;
      crop_to_front(pixels, kWidth, kChannels, kCrop, {top, left});
      size_t at = 0;
      for (int64_t y = top; y < top + kCrop; ++y) {
        for (int64_t x = left * kChannels; x < (left + kCrop) * kChannels; ++x) {
          EXPECT_EQ(pixels[at++], y * kWidth * kChannels + x);
        }
      }
    }
  }
  EXPECT_EQ(centre_corner(72, 72, 64).top, 4);
  EXPECT_EQ(centre_corner(7, 8, 4).top, 1);
  EXPECT_EQ(centre_corner(7, 8, 4).left, 2);
}

}  // namespace
}  // namespace bbg::data
