#include "image/resample/turn.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/image/random_image.h"

namespace bbg::image {
namespace {

void expect_turned_and_back(int64_t count, int64_t bytes) {
  const core::Image image = random_image(count, bytes, 1);
  std::vector<const uint8_t*> rows;
  for (int64_t y = 0; y < count; ++y) rows.push_back(view(image).row(y));
  core::Image turned = blank_image(bytes, count, 1);
  rows_to_columns(rows, bytes, turned.pixels.data());
  for (int64_t y = 0; y < count; ++y) {
    for (int64_t x = 0; x < bytes; ++x) ASSERT_EQ(at(turned, x, y, 0), at(image, y, x, 0));
  }
  core::Image back = blank_image(count, bytes, 1);
  columns_to_rows(turned.pixels.data(), count, bytes, back.pixels.data(), bytes);
  EXPECT_EQ(back.pixels, image.pixels);
}

TEST(Turn, ExchangesRowsAndColumnsOfAnyLengthAndBack) {
  for (const int64_t count : {kTurnRows, 3 * kTurnRows}) {
    for (const int64_t bytes : {1, 2, 15, 16, 17, 31, 32, 33, 48, 100}) {
      SCOPED_TRACE(std::to_string(count) + " rows of " + std::to_string(bytes));
      expect_turned_and_back(count, bytes);
    }
  }
}

}  // namespace
}  // namespace bbg::image
