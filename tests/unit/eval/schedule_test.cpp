#include "eval/schedule.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace bbg::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(EvaluationSchedule, OfOneIntervalIsDueForAll) {
  const Schedule schedule(5, "");
  EXPECT_FALSE(schedule.is_empty());
  for (int64_t step = 0; step < 21; ++step) {
    EXPECT_EQ(schedule.is_due(step), step > 0 && step % 5 == 0) << step;
    EXPECT_EQ(schedule.is_due("fid", step), schedule.is_due(step)) << step;
  }
  EXPECT_EQ(schedule.every("fid"), 5);
}

TEST(EvaluationSchedule, ExceptionsHaveTheirOwnIntervals) {
  const Schedule schedule(4, "fid:6,linear_probe:0");
  EXPECT_THAT(schedule.names(), ElementsAre("fid", "linear_probe"));
  for (int64_t step = 0; step < 25; ++step) {
    const bool is_fourth = step > 0 && step % 4 == 0, is_sixth = step > 0 && step % 6 == 0;
    EXPECT_EQ(schedule.is_due("fid", step), is_sixth) << step;
    EXPECT_FALSE(schedule.is_due("linear_probe", step)) << step;
    EXPECT_EQ(schedule.is_due("others", step), is_fourth) << step;
    EXPECT_EQ(schedule.is_due(step), is_fourth || is_sixth) << step;
  }
}

TEST(EvaluationSchedule, WithoutIntervalsIsEmpty) {
  EXPECT_TRUE(Schedule(0, "").is_empty());
  EXPECT_TRUE(Schedule(0, "fid:0").is_empty());
  EXPECT_FALSE(Schedule(0, "fid:1").is_empty());
  EXPECT_FALSE(Schedule(0, "").is_due(10));
}

TEST(EvaluationSchedule, RefusesOtherForms) {
  for (const std::string text : {"fid", "fid:", ":5", "fid:-1", "fid:1.5", "fid:5x", "fid=5"}) {
    try {
      Schedule(0, text);
      ADD_FAILURE() << text;
    } catch (const core::UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr("'" + text + "'"));
    }
  }
  EXPECT_THROW(Schedule(0, "fid:1,kid:2,fid:3"), core::UsageError);
}

}  // namespace
}  // namespace bbg::eval
