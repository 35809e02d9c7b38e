#include "report/write_pace.h"

#include <gtest/gtest.h>

namespace bbg::report {
namespace {

TEST(WritePace, TheFirstIsDueAtOnce) { EXPECT_TRUE(WritePace(0.01, 60).is_due(0)); }

TEST(WritePace, AQuickOneWaitsForTheLeastTime) {
  WritePace pace(0.01, 60);
  pace.wrote(100, 100.1);
  EXPECT_FALSE(pace.is_due(160));
  EXPECT_TRUE(pace.is_due(160.2));
}

TEST(WritePace, ASlowOneTakesNoMoreThanItsShare) {
  WritePace pace(0.01, 60);
  double written = 0, now = 0;
  for (; now < 100'000; now += 10) {
    if (!pace.is_due(now)) continue;
    pace.wrote(now, now + 3);
    written += 3;
  }
  EXPECT_GT(written, 0.009 * now);
  EXPECT_LE(written, 0.01 * now + 3);
}

}  // namespace
}  // namespace bbg::report
