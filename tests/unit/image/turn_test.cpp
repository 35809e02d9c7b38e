#include "image/resample/turn.h"

#include <gtest/gtest.h>

#include "tests/unit/image/random_image.h"

namespace bbg::image {
namespace {

TEST(Turn, ExchangesRowsAndColumnsOfAnyLengthAndBack) {
  for (const int64_t bytes : {1, 2, 15, 16, 17, 31, 32, 33, 48, 100}) {
    const core::Image image = random_image(kTurnRows, bytes, 1);
    const uint8_t* rows[kTurnRows];
    for (int64_t y = 0; y < kTurnRows; ++y) rows[y] = view(image).row(y);
    core::Image turned = blank_image(bytes, kTurnRows, 1);
    rows_to_columns(rows, bytes, turned.pixels.data());
    for (int64_t y = 0; y < kTurnRows; ++y) {
      for (int64_t x = 0; x < bytes; ++x) {
        ASSERT_EQ(at(turned, x, y, 0), at(image, y, x, 0));
      }
    }
    core::Image back = blank_image(kTurnRows, bytes, 1);
    columns_to_rows(turned.pixels.data(), bytes, back.pixels.data(), bytes);
    EXPECT_EQ(back.pixels, image.pixels);
  }
}

}  // namespace
}  // namespace bbg::image
