#include "report/tensorboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "core/error.h"
#include "report/png.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/report/event_reader.h"

namespace bbg::report {
namespace {

using testing::MatchesRegex;

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

class TensorboardSinkTest : public testing::Test {
 protected:
  std::string file_name() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      names.push_back(entry.path().filename().string());
    }
    EXPECT_EQ(names.size(), 1u);
    return names.at(0);
  }
  std::vector<test::Event> events() const {
    return test::read_events(test::read_file(folder_ / file_name()));
  }

  test::TemporaryFolder folder_;
};

// TensorBoard takes files with "tfevents" in their names, in the order of the names.
TEST_F(TensorboardSinkTest, TheFileIsNamedByTimeHostAndProcess) {
  const auto before = static_cast<int64_t>(now());
  make_tensorboard_sink(folder_.path())->close();
  const std::string name = file_name();
  EXPECT_THAT(name, MatchesRegex("events\\.out\\.tfevents\\.[0-9]+\\..+\\.[0-9]+"));
  EXPECT_TRUE(name.ends_with("." + std::to_string(getpid())));
  const int64_t time = std::stoll(name.substr(std::string("events.out.tfevents.").size()));
  EXPECT_GE(time, before);
  EXPECT_LE(time, static_cast<int64_t>(now()));
}

// A run that goes back begins anew in one process, and readers need what was before.
TEST_F(TensorboardSinkTest, ASecondOneOfTheSameSecondHasALaterFileOfItsOwn) {
  const auto first = make_tensorboard_sink(folder_.path());
  const std::string before = file_name();
  first->close();
  const std::string content = test::read_file(folder_ / before);
  make_tensorboard_sink(folder_.path(), 5)->close();
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0], before);
  EXPECT_TRUE(test::read_file(folder_ / before) == content);
}

TEST_F(TensorboardSinkTest, BeginsWithTheVersionAndTheRestartBehindTheLastKeptStep) {
  const double before = now();
  make_tensorboard_sink(folder_.path(), 500)->close();
  const auto all = events();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].file_version, "brain.Event:2");
  EXPECT_TRUE(all[1].is_start);
  EXPECT_EQ(all[1].step, 501);
  for (const test::Event& event : all) {
    EXPECT_GE(event.wall_time, before);
    EXPECT_LE(event.wall_time, now());
  }
}

TEST_F(TensorboardSinkTest, AnIntervalIsScalarsUnderTrain) {
  const auto sink = make_tensorboard_sink(folder_.path());
  Interval interval;
  interval.step = 50;
  interval.images = 3200;
  interval.seconds = 5;
  interval.images_per_second = 640;
  interval.data_seconds = 0.5;
  interval.values = {{"loss_d", 1.5}, {"loss_ge", -0.5}};
  sink->interval(interval);
  // Not closed yet: what was given is in the file.
  const auto all = events();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].step, 50);
  ASSERT_EQ(all[2].values.size(), 6u);
  EXPECT_EQ(all[2].values[0].tag, "train/loss_d");
  EXPECT_EQ(all[2].values[0].number, 1.5f);
  EXPECT_EQ(all[2].values[1].tag, "train/loss_ge");
  EXPECT_EQ(all[2].values[1].number, -0.5f);
  EXPECT_EQ(all[2].values[2].tag, "train/images");
  EXPECT_EQ(all[2].values[2].number, 3200.0f);
  EXPECT_EQ(all[2].values[3].tag, "train/seconds");
  EXPECT_EQ(all[2].values[3].number, 5.0f);
  EXPECT_EQ(all[2].values[4].tag, "train/images_per_second");
  EXPECT_EQ(all[2].values[4].number, 640.0f);
  EXPECT_EQ(all[2].values[5].tag, "train/data_seconds");
  EXPECT_EQ(all[2].values[5].number, 0.5f);
}

TEST_F(TensorboardSinkTest, AnImageIsAPngUnderGrids) {
  const core::Image image{.height = 1, .width = 2, .channels = 1, .pixels = {7, 200}};
  const auto sink = make_tensorboard_sink(folder_.path());
  sink->image(60, "samples", image);
  const auto all = events();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].step, 60);
  ASSERT_EQ(all[2].values.size(), 1u);
  const test::Event::Value& value = all[2].values[0];
  EXPECT_EQ(value.tag, "grids/samples");
  EXPECT_EQ(value.height, 1);
  EXPECT_EQ(value.width, 2);
  EXPECT_EQ(value.colorspace, 1);
  const std::vector<uint8_t> png = encode_png(image);
  EXPECT_EQ(value.png, std::string(png.begin(), png.end()));
}

TEST_F(TensorboardSinkTest, AnEvaluationIsScalarsInGroups) {
  const auto sink = make_tensorboard_sink(folder_.path());
  sink->evaluation(70, {{"linear_probe.trained", 0.75}, {"plain", 2}});
  const auto all = events();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].step, 70);
  ASSERT_EQ(all[2].values.size(), 2u);
  EXPECT_EQ(all[2].values[0].tag, "evaluation/linear_probe/trained");
  EXPECT_EQ(all[2].values[0].number, 0.75f);
  EXPECT_EQ(all[2].values[1].tag, "evaluation/plain");
}

TEST_F(TensorboardSinkTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_THROW(make_tensorboard_sink(folder_ / "absent"), core::SystemError);
}

}  // namespace
}  // namespace bbg::report
