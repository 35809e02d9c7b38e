#include "eval/eval_options.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace bbg::eval {
namespace {

TEST(EvaluateOptions, ReachTheProbe) {
  EvaluateOptions options;
  core::OptionTable table;
  options.declare(table);
  table.parse(
      {"--eval.probe-l2", "0.5", "--eval.probe-choose-l2", "true", "--eval.probe-iterations", "7"});
  EXPECT_EQ(options.probe().l2, 0.5);
  EXPECT_TRUE(options.probe().choose_l2);
  EXPECT_EQ(options.probe().iterations, 7);
}

TEST(EvaluateOptions, BaselinesAreLeftOutOneByOne) {
  EvaluateOptions options;
  EXPECT_TRUE(options.measures_untrained() && options.measures_pixels());
  options.baselines = Baselines::kUntrained;
  EXPECT_TRUE(options.measures_untrained() && !options.measures_pixels());
  options.baselines = Baselines::kPixels;
  EXPECT_TRUE(!options.measures_untrained() && options.measures_pixels());
  options.baselines = Baselines::kNone;
  EXPECT_FALSE(options.measures_untrained() || options.measures_pixels());
}

TEST(EvaluateOptions, RefuseValuesOutOfBounds) {
  EvaluateOptions options;
  core::OptionTable table;
  options.declare(table);
  for (const char* key : {"probe-train", "probe-test", "probe-iterations", "neighbours-train",
                          "neighbours-test", "batch", "standing-passes"}) {
    EXPECT_THROW(table.parse({std::string("--eval.") + key, "0"}), core::UsageError) << key;
  }
  EXPECT_THROW(table.parse({"--eval.probe-l2", "-1"}), core::UsageError);
}

}  // namespace
}  // namespace bbg::eval
