#include "data/flip.h"

#include <gtest/gtest.h>

#include <vector>

namespace bbg::data {
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

}  // namespace
}  // namespace bbg::data
