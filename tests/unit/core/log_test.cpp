#include "core/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace bbg::core {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

// The text that appears on standard error. The log is made inside: it may look at the stream then.
std::string said(int rank, int size, bool speaks, const std::function<void(const Log&)>& speak) {
  testing::internal::CaptureStderr();
  speak(Log(rank, size, speaks));
  return testing::internal::GetCapturedStderr();
}

TEST(LogTest, ALineHasTimeLevelAndText) {
  EXPECT_THAT(said(0, 1, true, [](const Log& log) { log.info("hello {}"); }),
              MatchesRegex("[0-9]+:[0-9]+:[0-9]+ info hello \\{\\}\n"));
}

TEST(LogTest, TheRankIsNamedOnlyWhereThereAreSeveral) {
  const auto warn = [](const Log& log) { log.warn("text"); };
  EXPECT_THAT(said(3, 4, false, warn), HasSubstr("[rank 3] text"));
  EXPECT_THAT(said(0, 1, false, warn), Not(HasSubstr("rank")));
}

TEST(LogTest, ASilentRankStillWarnsAndReportsErrors) {
  EXPECT_THAT(said(1, 2, false, [](const Log& log) { log.info("text"); }), IsEmpty());
  EXPECT_THAT(said(1, 2, false, [](const Log& log) { log.warn("text"); }), HasSubstr("warning"));
  EXPECT_THAT(said(1, 2, false, [](const Log& log) { log.error("text"); }), HasSubstr("error"));
}

}  // namespace
}  // namespace bbg::core
