#include "run/due.h"

#include <gtest/gtest.h>

namespace bbg::run {
namespace {

// Intervals that meet now and then: reports 3, spectra 4, checkpoints 5, evaluations 6, grids 7,
// replica checks 8, of 60 steps.
class Schedule : public ::testing::Test {
 protected:
  Schedule() {
    config_.run.steps = 60;
    config_.report.every = 3;
    config_.report.singular_values_every = 4;
    config_.checkpoint.every = 5;
    config_.evaluate.every = 6;
    config_.report.grid_every = 7;
    config_.train.replica_check_every = 8;
  }
  Due after(int64_t step, bool is_asked = false) const {
    return due_after(config_, step, is_asked);
  }

  RunConfig config_;
};

TEST_F(Schedule, EveryTaskComesWithItsOwnInterval) {
  for (int64_t step = 1; step < 60; ++step) {
    SCOPED_TRACE(step);
    const Due due = after(step);
    EXPECT_EQ(due.replica_check, step % 8 == 0);
    EXPECT_EQ(due.spectra, step % 4 == 0);
    EXPECT_EQ(due.regular_report, step % 3 == 0 || step % 4 == 0);
    EXPECT_EQ(due.report, step % 3 == 0 || step % 4 == 0);  // each sixth step is a third one
    EXPECT_EQ(due.save, step % 5 == 0);
    EXPECT_EQ(due.evaluation, step % 6 == 0);
    EXPECT_EQ(due.grids, step % 7 == 0);
    EXPECT_EQ(due.losses(), due.report || due.save);
    EXPECT_FALSE(due.leave);
  }
}

TEST_F(Schedule, EvaluationNeedsAReportThatTheWatchDoesNotCount) {
  config_.evaluate.every = 11;
  EXPECT_TRUE(after(11).report);
  EXPECT_FALSE(after(11).regular_report);
  EXPECT_FALSE(after(11).save);
  config_.checkpoint.keep_best = "eval.frechet_pixels";  // which needs a checkpoint to keep
  EXPECT_TRUE(after(11).save);
}

TEST_F(Schedule, RunThatIsAskedToStopSavesAndLeaves) {
  const Due due = after(1, /*is_asked=*/true);
  EXPECT_TRUE(due.save && due.leave);
  EXPECT_FALSE(due.report || due.evaluation || due.grids);
}

TEST_F(Schedule, LastStepReportsAndSavesAndLeavesTheRestToTheEnd) {
  config_.run.steps = 42;  // a step of evaluations and grids
  const Due due = after(42, /*is_asked=*/true);
  EXPECT_TRUE(due.report && due.save);
  EXPECT_FALSE(due.evaluation || due.grids || due.leave);
  EXPECT_TRUE(is_evaluation_due(config_, 42));
  config_.run.steps = 1;
  EXPECT_TRUE(after(1).report && after(1).save);
  EXPECT_FALSE(after(1).regular_report);
}

TEST_F(Schedule, MeasureOfAnotherIntervalMakesAnEvaluationDue) {
  config_.evaluate.schedule = "fid:10,linear_probe:0";
  for (int64_t step = 1; step < 60; ++step) {
    EXPECT_EQ(after(step).evaluation, step % 6 == 0 || step % 10 == 0) << step;
    EXPECT_EQ(is_evaluation_due(config_, step), after(step).evaluation) << step;
  }
  config_.evaluate.every = 0;
  EXPECT_FALSE(after(6).evaluation);
  EXPECT_TRUE(after(10).evaluation && after(10).report);
}

TEST_F(Schedule, IntervalOfZeroIsNever) {
  config_.report.singular_values_every = config_.evaluate.every = 0;
  config_.train.replica_check_every = 0;
  const Due due = after(24);
  EXPECT_FALSE(due.spectra || due.evaluation || due.replica_check);
  EXPECT_FALSE(is_evaluation_due(config_, 0));
}

}  // namespace
}  // namespace bbg::run
