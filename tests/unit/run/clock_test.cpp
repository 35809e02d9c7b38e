#include "run/clock.h"

#include <gtest/gtest.h>

namespace bbg::run {
namespace {

TEST(Clock, TimeSetAsideCountsForTheRunAndNotForItsSpeed) {
  double now = 100;
  Clock clock([&] { return now; });
  {
    const Clock::Aside evaluation_before_training(clock);
    now = 150;
  }
  clock.start(7);
  now = 160;
  EXPECT_DOUBLE_EQ(clock.seconds(), 10);
  EXPECT_DOUBLE_EQ(clock.steps_per_second(27), 2);
  {
    const Clock::Aside saving(clock);
    now = 175;
  }
  {
    const Clock::Aside evaluation(clock);
    now = 180;
  }
  EXPECT_DOUBLE_EQ(clock.seconds(), 30);
  EXPECT_DOUBLE_EQ(clock.steps_per_second(27), 2);
  clock.begin_interval(27);
  now = 184;
  EXPECT_DOUBLE_EQ(clock.steps_per_second(29), 0.5);
}

TEST(Clock, StartsOnce) {
  double now = 1;
  Clock clock([&] { return now; });
  clock.start(0);
  now = 3;
  clock.start(1);
  EXPECT_DOUBLE_EQ(clock.seconds(), 2);
  EXPECT_DOUBLE_EQ(clock.steps_per_second(4), 2);
}

}  // namespace
}  // namespace bbg::run
