#include "core/draws.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace bbg::core {
namespace {

TEST(Draws, StepsFollowEachOtherWithoutAGap) {
  EXPECT_EQ(training_draw(0, 0, 3), 0);
  EXPECT_EQ(training_draw(0, 7, 3) + 3, training_draw(0, 8, 3));
  EXPECT_EQ(training_draw(2, 7, 3), 2 * (int64_t{1} << 36) + 21);
}

TEST(Draws, NoTwoUsesShareANumber) {
  // First and last of each range, in order.
  const std::vector<int64_t> borders = {sample_command_draw(1'000'000),
                                        sample_command_draw(0),
                                        kSamplesDraw,
                                        kExampleDraw,
                                        kGridDraw,
                                        standing_draw(100'000),
                                        standing_draw(0),
                                        training_draw(0, 0, 17),
                                        training_draw(0, 1'000'000'000, 17),
                                        training_draw(1, 0, 17)};
  EXPECT_TRUE(std::is_sorted(borders.begin(), borders.end(), std::less_equal<>()));
}

}  // namespace
}  // namespace bbg::core
