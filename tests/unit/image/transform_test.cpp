#include "image/transform.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "tests/unit/image/random_image.h"

namespace bbg::image {
namespace {

TransformOptions options(Augment augment, int64_t size, bool is_equal_sized) {
  return {.augment = augment, .flip = true, .size = size, .is_equal_sized = is_equal_sized};
}

// The numbers are part of every run's reproducibility.
TEST(Transform, TheSameDrawAndSlotGiveTheSameChoiceForEver) {
  const Choice expected[] = {{{6, 2, 64, 64}, true},  {{1, 14, 64, 64}, false},
                             {{2, 7, 64, 64}, true},  {{1, 10, 64, 64}, true},
                             {{4, 6, 64, 64}, false}, {{0, 13, 64, 64}, true},
                             {{0, 10, 64, 64}, true}, {{0, 10, 64, 64}, true}};
  for (int64_t slot = 0; slot < 8; ++slot) {
    EXPECT_EQ(choose(options(Augment::kRandomPlace, 64, true), 5, 1'000'003, slot, 72, 80),
              expected[slot]);
  }
}

TEST(Transform, MirrorsHalfOfTheSamplesAndNoneWithoutTheOption) {
  TransformOptions mirroring = options(Augment::kNone, 8, true), plain = mirroring;
  plain.flip = false;
  int flips = 0, same_as_next_draw = 0;
  for (int64_t draw = 0; draw < 100; ++draw) {
    for (int64_t slot = 0; slot < 100; ++slot) {
      const bool is_flipped = choose(mirroring, 5, draw, slot, 8, 8).is_flipped;
      flips += is_flipped;
      same_as_next_draw += is_flipped == choose(mirroring, 5, draw + 1, slot, 8, 8).is_flipped;
      EXPECT_FALSE(choose(plain, 5, draw, slot, 8, 8).is_flipped);
    }
  }
  // Five standard deviations (50 each) of 10,000 fair coins.
  EXPECT_NEAR(flips, 5000, 250);
  EXPECT_NEAR(same_as_next_draw, 5000, 250);
}

TEST(Transform, EveryAugmentationFlipsTheSameSamples) {
  for (int64_t slot = 0; slot < 50; ++slot) {
    std::set<bool> flips;
    for (const auto& [text, augment] : kAugments) {
      for (const bool is_equal_sized : {false, true}) {
        flips.insert(choose(options(augment, 20, is_equal_sized), 1, 2, slot, 30, 40).is_flipped);
      }
    }
    EXPECT_EQ(flips.size(), 1u);
  }
}

TEST(Transform, PlacesAreAllAlikeAndApartFromFlips) {
  // 3 x 4 places.
  std::vector<int> counts(12), flipped(12);
  for (int64_t draw = 0; draw < 120; ++draw) {
    for (int64_t slot = 0; slot < 100; ++slot) {
      const Choice choice = choose(options(Augment::kRandomPlace, 5, true), 5, draw, slot, 7, 8);
      ASSERT_TRUE(choice.box.top >= 0 && choice.box.top < 3);
      ASSERT_TRUE(choice.box.left >= 0 && choice.box.left < 4);
      const auto place = static_cast<size_t>(choice.box.top * 4 + choice.box.left);
      ++counts[place];
      flipped[place] += choice.is_flipped;
    }
  }
  for (size_t place = 0; place < counts.size(); ++place) {
    // Five standard deviations: 30 of 12,000 draws with probability 1/12, 16 of 1,000 fair coins.
    EXPECT_NEAR(counts[place], 1000, 150);
    EXPECT_NEAR(flipped[place], counts[place] / 2, 80);
  }
}

TEST(Transform, TheLargestSquareMovesAlongTheLongerEdgeFromEndToEnd) {
  std::set<int64_t> tops, lefts;
  for (int64_t slot = 0; slot < 200; ++slot) {
    const TransformOptions wanted = options(Augment::kRandomPlace, 64, false);
    const Box wide = choose(wanted, 3, 1, slot, 10, 15).box;
    const Box tall = choose(wanted, 3, 1, slot, 15, 10).box;
    EXPECT_EQ(wide, (Box{0, wide.left, 10, 10}));
    EXPECT_EQ(tall, (Box{tall.top, 0, 10, 10}));
    lefts.insert(wide.left);
    tops.insert(tall.top);
  }
  const std::set<int64_t> all = {0, 1, 2, 3, 4, 5};
  EXPECT_EQ(tops, all);
  EXPECT_EQ(lefts, all);
}

TEST(Transform, WithoutAugmentationTheMiddleIsTaken) {
  EXPECT_EQ(choose(options(Augment::kNone, 64, true), 1, 2, 3, 72, 73).box, (Box{4, 4, 64, 64}));
  EXPECT_EQ(choose(options(Augment::kNone, 64, false), 1, 2, 3, 72, 75).box, (Box{0, 1, 72, 72}));
  EXPECT_EQ(centre_square(7, 8, 4), (Box{1, 2, 4, 4}));
  EXPECT_EQ(centre_square(5, 5), (Box{0, 0, 5, 5}));
}

TEST(Transform, ARandomAreaIsTakenFromImagesOfOneSizeToo) {
  std::set<int64_t> heights;
  for (int64_t slot = 0; slot < 20; ++slot) {
    const Choice equal = choose(options(Augment::kRandomArea, 64, true), 3, 1, slot, 100, 80);
    EXPECT_EQ(equal, choose(options(Augment::kRandomArea, 64, false), 3, 1, slot, 100, 80));
    heights.insert(equal.box.height);
  }
  EXPECT_GT(heights.size(), 10u);
}

TEST(Transform, ABoxOfTheWantedSizeIsCopiedAndMirrored) {
  const core::Image image = random_image(12, 14, 3);
  Resampler resampler(Filter::kBicubic);
  core::Image out = blank_image(8, 8, 3);
  for (const bool is_flipped : {false, true}) {
    apply(window(view(image), Box{3, 5, 8, 8}), is_flipped, 8, resampler, out.pixels);
    for (int64_t y = 0; y < 8; ++y) {
      for (int64_t x = 0; x < 8; ++x) {
        EXPECT_EQ(at(out, y, x, 1), at(image, 3 + y, 5 + (is_flipped ? 7 - x : x), 1));
      }
    }
  }
}

}  // namespace
}  // namespace bbg::image
