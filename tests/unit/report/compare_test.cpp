#include "report/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tests/support/temporary_folder.h"

namespace bbg::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class CompareTest : public testing::Test {
 protected:
  CompareTest() {
    put("a/config.ini", "[run]\nname = first\noutput = a\n[train]\nlr-g = 1e-3\nlr-d = 2\n");
    put("b/config.ini", "[run]\nname = <second>\noutput = b\n[train]\nlr-g = 5e-4\nlr-d = 2\n");
    put("a/metrics.jsonl",
        "{\"step\":10,\"loss_d\":1.5,\"sigma.G.w\":1}\n{\"step\":20,\"loss_d\":2.5}\n"
        "{\"step\":20,\"changed\":{}}\n");
    put("b/metrics.jsonl", "{\"step\":10,\"loss_d\":0.5,\"loss_ge\":3}\n");
    put("a/evaluation.json", R"({"fid": {"samples": 12.5}, "protocol": {"fid": "x"}, "step": 20})");
  }
  void put(const std::string& name, const std::string& content) {
    test::write_file(folder_ / name, content);
  }
  Comparison compare(const std::vector<std::string>& names) {
    std::vector<std::string> folders;
    for (const std::string& name : names) folders.push_back(folder_ / name);
    return compare_runs(*files_, folders);
  }
  static std::vector<std::string> shown(const std::vector<Comparison::Line>& lines) {
    std::vector<std::string> all;
    for (const auto& line : lines) {
      std::string text = line.name;
      for (const auto& value : line.values) text += "|" + value;
      all.push_back(text);
    }
    return all;
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<core::FileSystem> files_ = core::make_posix_file_system();
};

TEST_F(CompareTest, FindsDifferingOptionsLastValuesAndMeasures) {
  const Comparison both = compare({"a", "b"});
  EXPECT_THAT(shown(both.options), ElementsAre("train.lr-g|1e-3|5e-4"));
  EXPECT_THAT(shown(both.last), ElementsAre("step|20|10", "loss_d|2.5|0.5", "loss_ge||3"));
  EXPECT_THAT(shown(both.measures), ElementsAre("fid.samples|12.5|"));
}

TEST_F(CompareTest, TheTableHasAColumnForEachRun) {
  EXPECT_EQ(comparison_text(compare({"a", "b"})),
            "               first  <second>\n"
            "\n"
            "Options that differ\n"
            "  train.lr-g    1e-3      5e-4\n"
            "\n"
            "Evaluation\n"
            "  fid.samples   12.5         -\n"
            "\n"
            "Last values\n"
            "  step            20        10\n"
            "  loss_d         2.5       0.5\n"
            "  loss_ge          -         3\n");
}

TEST_F(CompareTest, RunsOfOneNameAreToldApartByTheirFolders) {
  put("b/config.ini", "[run]\nname = first\n");
  EXPECT_THAT(compare({"a", "b"}).names,
              ElementsAre("first (" + (folder_ / "a") + ")", "first (" + (folder_ / "b") + ")"));
}

TEST_F(CompareTest, TheJsonHasTheNumbersWhole) {
  const auto json = comparison_json(compare({"a", "b"}));
  EXPECT_EQ(json["runs"][0]["last"]["loss_d"], 2.5);
  EXPECT_EQ(json["runs"][0]["evaluation"]["fid"]["samples"], 12.5);
  EXPECT_EQ(json["runs"][1]["options"]["train.lr-g"], "5e-4");
  EXPECT_TRUE(json["runs"][1]["evaluation"].is_null());
}

TEST_F(CompareTest, ThePageHasTheCurvesOfAllRunsInOneChart) {
  const std::string page = comparison_html(compare({"a", "b"}), {});
  EXPECT_THAT(page, HasSubstr(R"({"labels":["step","first","\u003csecond>"])"));
  EXPECT_THAT(page, HasSubstr("[10,1.5,0.5],\n[20,2.5,null]"));
  EXPECT_THAT(page, Not(HasSubstr("<second>")));
  EXPECT_THAT(page, HasSubstr("<td>train.lr-g</td><td class=\"number\">1e-3</td>"));
}

TEST_F(CompareTest, AFolderThatIsNoRunIsRefused) {
  put("c/other", "");
  try {
    compare({"a", "c"});
    FAIL() << "did not throw";
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr((folder_ / "c") + " is not the folder of a run"));
  }
}

}  // namespace
}  // namespace bbg::report
