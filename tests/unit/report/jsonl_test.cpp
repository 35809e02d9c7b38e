#include "report/jsonl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/rng.h"
#include "tests/support/temporary_folder.h"

namespace bbg::report {
namespace {

using testing::HasSubstr;
using Json = nlohmann::ordered_json;

Interval interval_at(int64_t step) {
  Interval interval;
  interval.step = step;
  interval.total_steps = 1000;
  interval.images = 64 * step;
  interval.seconds = 0.5 * static_cast<double>(step);
  interval.images_per_second = 128;
  interval.data_seconds = 0.75;
  interval.values = {{"loss_ge", -0.25}, {"loss_d", 1.5}};
  return interval;
}

std::string line_at(int64_t step) { return to_json_line(interval_at(step)) + "\n"; }

TEST(ToJsonLine, HasTheFieldsInOrder) {
  EXPECT_EQ(
      to_json_line(interval_at(50)),
      R"({"step":50,"images":3200,"seconds":25.0,"images_per_second":128.0,"data_seconds":0.75,)"
      R"("loss_ge":-0.25,"loss_d":1.5})");
}

TEST(ToJsonLine, WhatIsNotFiniteIsNull) {
  Interval interval = interval_at(1);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  interval.images_per_second = kInfinity;
  interval.values = {{"a", NAN}, {"b", -kInfinity}};
  const std::string line = to_json_line(interval);
  EXPECT_THAT(line,
              HasSubstr(R"("images_per_second":null,"data_seconds":0.75,"a":null,"b":null})"));
  EXPECT_TRUE(Json::accept(line));
}

TEST(ToJsonLine, NumbersReadBackToTheSameBits) {
  using Limits = std::numeric_limits<double>;
  std::vector<double> numbers = {0.0,
                                 -0.0,
                                 0.1,
                                 1.0 / 3,
                                 5e-05,
                                 1e22,
                                 Limits::min(),
                                 Limits::max(),
                                 -Limits::max(),
                                 Limits::denorm_min(),
                                 1 + Limits::epsilon(),
                                 9007199254740993.0};
  core::RandomStream random(1, core::Purpose::kEvaluate, 0, 0);
  while (numbers.size() < 5000) {  // any bit pattern that is a number
    const uint64_t high = random.next_uint32();
    const auto number = std::bit_cast<double>(high << 32 | random.next_uint32());
    if (std::isfinite(number)) numbers.push_back(number);
  }
  Interval interval = interval_at(1);
  interval.step = std::numeric_limits<int64_t>::max();
  interval.images = std::numeric_limits<int64_t>::max() - 1;
  for (const double number : numbers) {
    interval.seconds = number;
    interval.values = {{"loss", number}};
    const Json line = Json::parse(to_json_line(interval));
    EXPECT_EQ(std::bit_cast<uint64_t>(line["loss"].get<double>()), std::bit_cast<uint64_t>(number));
    EXPECT_EQ(std::bit_cast<uint64_t>(line["seconds"].get<double>()),
              std::bit_cast<uint64_t>(number));
    EXPECT_EQ(line["step"].get<int64_t>(), interval.step);
    EXPECT_EQ(line["images"].get<int64_t>(), interval.images);
  }
}

class JsonlSinkTest : public testing::Test {
 protected:
  std::string content() const { return test::read_file(path_); }
  // The file after a start from `resume_step`, before anything new is written.
  std::string resumed(const std::string& old, int64_t resume_step) {
    test::write_file(path_, old);
    make_jsonl_sink(path_, resume_step)->close();
    return content();
  }

  test::TemporaryFolder folder_;
  std::string path_ = folder_ / "metrics.jsonl";
};

TEST_F(JsonlSinkTest, ANewFileGetsALinePerIntervalAtOnce) {
  const auto sink = make_jsonl_sink(path_, 0);
  EXPECT_EQ(content(), "");
  sink->interval(interval_at(50));
  EXPECT_EQ(content(), line_at(50));
  sink->interval(interval_at(100));
  EXPECT_EQ(content(), line_at(50) + line_at(100));
  sink->close();
  EXPECT_EQ(content(), line_at(50) + line_at(100));
}

TEST_F(JsonlSinkTest, ChangedOptionsHaveALineThatIsMadeAnewWhereTheRunGoesOnThere) {
  const std::vector<OptionChange> changes = {{"train.lr-g", "0.1", "0.2"}, {"run.name", "", "\"b"}};
  const std::string changed =
      R"({"step":50,"changed":{"train.lr-g":{"before":"0.1","after":"0.2"},)"
      R"("run.name":{"before":"","after":"\"b"}}})"
      "\n";
  const auto sink = make_jsonl_sink(path_, 0);
  sink->interval(interval_at(50));
  sink->changes(50, changes);
  sink->interval(interval_at(100));
  sink->close();
  EXPECT_EQ(content(), line_at(50) + changed + line_at(100));
  EXPECT_EQ(resumed(content(), 100), line_at(50) + changed + line_at(100));
  EXPECT_EQ(resumed(content(), 50), line_at(50));
  EXPECT_EQ(resumed(line_at(50) + changed + line_at(100), 99), line_at(50) + changed);
}

// An evaluation that is made up for comes after what a resumed run says of its options.
TEST_F(JsonlSinkTest, WhatIsMeasuredLaterGetsIntoItsLineBeforeChangedOptions) {
  std::string before = line_at(50);
  const auto sink = make_jsonl_sink(path_, 0);
  sink->interval(interval_at(50));
  sink->changes(50, {{"run.steps", "1", "2"}});
  const std::string changed = content().substr(before.size());
  sink->more(50, {{"eval.x", 0.5}});
  before.insert(before.size() - 2, R"(,"eval.x":0.5)");
  EXPECT_EQ(content(), before + changed);
  sink->interval(interval_at(100));
  sink->more(100, {{"eval.x", 0.5}});
  std::string after = line_at(100);
  after.insert(after.size() - 2, R"(,"eval.x":0.5)");
  EXPECT_EQ(content(), before + changed + after);
  sink->close();
}

TEST_F(JsonlSinkTest, ImagesAndEvaluationsAreNotItsBusiness) {
  const auto sink = make_jsonl_sink(path_, 0);
  sink->image(1, "samples", core::Image{});
  sink->evaluation(1, {{"linear_probe.trained", 1}});
  sink->close();
  EXPECT_EQ(content(), "");
}

TEST_F(JsonlSinkTest, AResumedRunGoesOnBehindItsStep) {
  test::write_file(path_, line_at(50) + line_at(100));
  const auto sink = make_jsonl_sink(path_, 100);
  sink->interval(interval_at(150));
  EXPECT_EQ(content(), line_at(50) + line_at(100) + line_at(150));
}

TEST_F(JsonlSinkTest, WhatIsMeasuredAfterTheLineOfItsStepGetsIntoThatLine) {
  Interval whole = interval_at(100);
  whole.values.insert(whole.values.end(), {{"eval.ratio", 0.1}, {"eval.distance", NAN}});
  const auto sink = make_jsonl_sink(path_, 0);
  sink->interval(interval_at(50));
  sink->interval(interval_at(100));
  sink->more(100, {{"eval.ratio", 0.1}});
  sink->more(100, {{"eval.distance", NAN}});
  EXPECT_EQ(content(), line_at(50) + to_json_line(whole) + "\n");
  sink->interval(interval_at(150));
  EXPECT_EQ(content(), line_at(50) + to_json_line(whole) + "\n" + line_at(150));
  // A run that goes on finds the line of its step; without one there is a line of its own.
  whole.values.pop_back();
  test::write_file(path_, line_at(50) + line_at(100) + line_at(150));
  const auto files = core::make_posix_file_system();
  EXPECT_FALSE(is_evaluated(*files, path_, 100));
  make_jsonl_sink(path_, 100)->more(100, {{"eval.ratio", 0.1}});
  EXPECT_EQ(content(), line_at(50) + to_json_line(whole) + "\n");
  EXPECT_TRUE(is_evaluated(*files, path_, 100));
  EXPECT_FALSE(is_evaluated(*files, path_, 50));
  EXPECT_FALSE(is_evaluated(*files, path_, 99));
  make_jsonl_sink(path_, 60)->more(60, {{"eval.ratio", 0.5}});
  EXPECT_EQ(content(), line_at(50) + "{\"step\":60,\"eval.ratio\":0.5}\n");
  EXPECT_FALSE(is_evaluated(*files, folder_ / "absent", 60));
}

TEST_F(JsonlSinkTest, LinesBehindTheStepOfTheResumeAreCut) {
  const std::string old = line_at(50) + line_at(100) + line_at(150);
  EXPECT_EQ(resumed(old, 1000), old);
  EXPECT_EQ(resumed(old, 150), old);
  EXPECT_EQ(resumed(old, 149), line_at(50) + line_at(100));
  EXPECT_EQ(resumed(old, 100), line_at(50) + line_at(100));
  EXPECT_EQ(resumed(old, 50), line_at(50));
  EXPECT_EQ(resumed(old, 0), "");
}

TEST_F(JsonlSinkTest, ALastLineThatAKillToreIsCutWhereverItWasTorn) {
  const std::string last = line_at(100);
  for (size_t length = 0; length < last.size(); ++length) {
    EXPECT_EQ(resumed(line_at(50) + last.substr(0, length), 1000), line_at(50)) << length;
  }
}

TEST_F(JsonlSinkTest, WhatIsNoLineOfOursEndsWhatIsKept) {
  for (const char* text :
       {"\n", "text\n", "[1]\n", "{}\n", "{\"step\":null}\n", "{\"step\":1.5}\n"}) {
    EXPECT_EQ(resumed(line_at(50) + text + line_at(100), 1000), line_at(50)) << text;
  }
}

TEST_F(JsonlSinkTest, AFolderThatIsNotThereIsAnErrorThatNamesThePath) {
  try {
    make_jsonl_sink(folder_ / "absent/metrics.jsonl", 0);
    FAIL() << "did not throw";
  } catch (const core::SystemError& error) {
    EXPECT_THAT(error.what(), HasSubstr(folder_ / "absent/metrics.jsonl"));
  }
}

}  // namespace
}  // namespace bbg::report
