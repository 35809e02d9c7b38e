#include "report/run_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/options.h"
#include "tests/support/temporary_folder.h"

namespace bbg::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class RunRecordTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& content) {
    test::write_file(run_ + "/" + name, content);
  }
  RunRecord read() { return read_run(*files_, run_); }
  std::string refusal() {
    try {
      read();
    } catch (const core::UsageError& error) {
      return error.what();
    }
    return "accepted";
  }
  static std::vector<std::string> contents(const std::vector<GridFile>& grids) {
    std::vector<std::string> all;
    for (const GridFile& grid : grids) {
      all.push_back(std::to_string(grid.step) + ":" + test::read_file(grid.path));
    }
    return all;
  }

  test::TemporaryFolder folder_;
  std::string run_ = folder_ / "first-run";
  std::unique_ptr<core::FileSystem> files_ = core::make_posix_file_system();
};

TEST_F(RunRecordTest, OfAnEmptyFolderOnlyTheNameIsKnown) {
  files_->create_folders(run_);
  const RunRecord run = read();
  EXPECT_EQ(run.name, "first-run");
  EXPECT_EQ(run.config_text, "");
  EXPECT_THAT(run.intervals, IsEmpty());
  EXPECT_TRUE(run.evaluation.is_null());
  EXPECT_THAT(run.samples, IsEmpty());
  EXPECT_THAT(run.reconstructions, IsEmpty());
  EXPECT_EQ(read_run(*files_, run_ + "/").name, "first-run");
}

TEST_F(RunRecordTest, TheConfigurationReadsBackAsTheOptionTableWroteIt) {
  int64_t steps = 7;
  double rate = 5e-05;
  std::string name = "a run = [one]", empty;
  core::OptionTable table;
  table.add("train.steps", &steps, "");
  table.add("train.rate", &rate, "");
  table.add("run.name", &name, "");
  table.add("run.note", &empty, "");
  put("config.ini", table.ini_text());
  const RunRecord run = read();
  EXPECT_EQ(run.config, table.values());
  EXPECT_EQ(run.config_text, table.ini_text());
  EXPECT_EQ(run.name, name);
}

TEST_F(RunRecordTest, LinesOfTheMetricsThatAreNotWholeArePassedOver) {
  put("metrics.jsonl",
      "{\"step\":50,\"loss\":1.5}\n"
      "\n"
      "text\n"
      "[1]\n"
      "{\"loss\":2}\n"
      "{\"step\":100,\"loss\":null}\n"
      "{\"step\":150,\"loss\":\"high\"}\n"
      "{\"step\":200}\n"
      "{\"step\":250,\"lo");
  const RunRecord run = read();
  ASSERT_EQ(run.intervals.size(), 4u);
  const auto curve = run.curve("loss");
  ASSERT_EQ(curve.size(), 3u);
  EXPECT_THAT(curve[0], Pair(50, 1.5));
  EXPECT_EQ(curve[1].first, 100);
  EXPECT_TRUE(std::isnan(curve[1].second));
  EXPECT_EQ(curve[2].first, 150);
  EXPECT_TRUE(std::isnan(curve[2].second));
  EXPECT_THAT(run.curve("other"), IsEmpty());
}

TEST_F(RunRecordTest, GridsAreSortedByStepAndOtherFilesLeftOut) {
  put("grids/samples-1000.png", "c");
  put("grids/samples-0000500.png", "b");
  put("grids/samples-99.png", "a");
  put("grids/reconstructions-500.png", "r");
  for (const char* name : {"samples-.png", "samples-12x.png", "samples-5.png.partial",
                           "samples.png", "other-5.png", "samples-12345678901234567890.png"}) {
    put(std::string("grids/") + name, "no");
  }
  const RunRecord run = read();
  EXPECT_THAT(contents(run.samples), ElementsAre("99:a", "500:b", "1000:c"));
  EXPECT_THAT(contents(run.reconstructions), ElementsAre("500:r"));
}

TEST_F(RunRecordTest, TheEvaluationIsReadAsItIs) {
  put("evaluation.json", R"({"linear_probe": {"trained": 0.5}})");
  EXPECT_EQ(read().evaluation["linear_probe"]["trained"], 0.5);
}

TEST_F(RunRecordTest, AnEvaluationThatIsNoJsonObjectIsRefused) {
  for (const char* text : {"", "{", "{\"a\": 1", "[1, 2]", "3", "text"}) {
    put("evaluation.json", text);
    EXPECT_THAT(refusal(), HasSubstr(run_ + "/evaluation.json is not a JSON object")) << text;
  }
}

}  // namespace
}  // namespace bbg::report
