#include "report/report_options.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace bbg::report {
namespace {

TEST(ReportOptionsTest, DefaultsAndBounds) {
  ReportOptions options;
  core::OptionTable table;
  options.declare(table);
  EXPECT_EQ(options.every, 50);
  EXPECT_EQ(options.grid_every, 500);
  EXPECT_FALSE(options.sample_log);
  table.parse({"--report.every", "1", "--report.grid-every=1", "--report.sample-log", "yes"});
  EXPECT_EQ(options.every, 1);
  EXPECT_EQ(options.grid_every, 1);
  EXPECT_TRUE(options.sample_log);
  EXPECT_THROW(table.parse({"--report.every", "0"}), core::UsageError);
  EXPECT_THROW(table.parse({"--report.grid-every", "0"}), core::UsageError);
}

}  // namespace
}  // namespace bbg::report
