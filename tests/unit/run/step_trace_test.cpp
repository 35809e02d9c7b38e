#include "run/step_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_folder.h"

namespace bbg::run {
namespace {

using ::testing::HasSubstr;

// The log's lines in as many steps as a trace of one takes.
std::string traced(const std::string& path) {
  ::testing::internal::CaptureStderr();
  const core::Log log(0, 1, true);
  StepTrace trace(1, path, at::kCPU, log);
  for (int64_t step = 0; step <= StepTrace::kWarmUp; ++step) {
    trace.begin_step();
    at::ones({2, 2}).matmul(at::ones({2, 2}));
    trace.end_step();
  }
  return ::testing::internal::GetCapturedStderr();
}

// As on a host that does not see rank 0's run folder.
TEST(StepTrace, MakesItsFolder) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "runs/mine/trace-rank-1.json";
  EXPECT_THAT(traced(path), HasSubstr("timeline: " + path));
  EXPECT_THAT(test::read_file(path), HasSubstr("aten::matmul"));
}

TEST(StepTrace, ThatCannotBeWrittenEndsNothing) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "file", "");
  const std::string path = folder / "file/trace-rank-1.json";
  EXPECT_THAT(traced(path), HasSubstr("the timeline " + path + " cannot be written"));
}

}  // namespace
}  // namespace bbg::run
