// `bbg_dist new`: a configuration from a data set and a recipe, which then trains as it is.

#include <filesystem>

#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

using ::testing::HasSubstr;

class NewRun : public test::BbgDist {
 protected:
  test::Outcome make(const std::string& more) const {
    return test::run_command(folder_, in_folder() + test::program("bbg_dist") + " new " + more);
  }
  test::Outcome call(const std::string& command) const {
    return test::run_command(folder_, in_folder() + test::program("bbg_dist") + " " + command);
  }
  void refuse(const std::string& more, const std::string& text) const {
    SCOPED_TRACE(more);
    test::expect_one_line(make(more), 2, "error: ", text);
  }
  std::string in_folder() const { return "cd " + test::shell_word(folder_.path()) + " && "; }
  std::string of_shards() const { return "--shards " + test::shell_word(shards()) + " "; }
  // The fixture's images without labels, larger.
  void make_wide_shards() const {
    const test::Outcome outcome = test::run_command(
        folder_, in_folder() + test::program("data_prep") + " shard --size 72 --input " +
                     test::shell_word(*data_ / "images") + " --output wide");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
};

TEST_F(NewRun, FitsTheDataAndTrainsAsItIs) {
  const test::Outcome made = make(of_shards() + "--ranks 3 --steps 4 --output mine.ini");
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("mine.ini: the recipe small at 16 px"));
  const std::string text = test::read_file(folder_ / "mine.ini");
  EXPECT_THAT(text, HasSubstr("output = runs/mine\n"));
  EXPECT_THAT(text, HasSubstr("steps = 4\n"));
  EXPECT_THAT(text, HasSubstr("batch = 63\n"));  // three ranks share it evenly
  EXPECT_THAT(text, HasSubstr("resolution = 16\n"));
  EXPECT_THAT(text, HasSubstr("channels = 1\n"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("seed")));  // as the program has it by itself
  const test::Outcome trained = call(
      "--config mine.ini --model.width 4 --model.e-width 4 --eval.samples 0 "
      "--eval.probe-iterations 2 --eval.standing-passes 1");
  EXPECT_EQ(trained.code, 0) << trained.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "runs/mine/report.html"));
  refuse(of_shards() + "--output mine.ini", "--output mine.ini is there already");
}

TEST_F(NewRun, TakesThePartOfLargerImagesAndCodesThatTheNetworksHave) {
  make_wide_shards();
  ASSERT_EQ(make("--shards wide --recipe bigbigan --output big.ini").code, 0);
  const std::string text = test::read_file(folder_ / "big.ini");
  EXPECT_THAT(text, HasSubstr("crop = 64\n"));
  EXPECT_THAT(text, HasSubstr("resolution = 64\n"));
  EXPECT_THAT(text, HasSubstr("batch = 256\n"));  // all images that there are
  EXPECT_EQ(call("plan --config big.ini").code, 0);
}

TEST_F(NewRun, WhatDoesNotFitIsRefusedInOneLine) {
  make_wide_shards();
  refuse("--shards absent --output a.ini", "data folder absent does not exist");
  refuse(of_shards() + "--output absent/a.ini", "the folder of --output absent/a.ini");
  refuse(of_shards() + "--recipe big --output a.ini", "must be one of small, bigbigan, biggan");
  refuse(of_shards() + "--resolution 32 --output a.ini", "have 16 pixels a side");
  refuse(of_shards() + "--recipe bigbigan --output a.ini", "has no networks for images of 16");
  refuse("--shards wide --recipe cifar --output a.ini", "learns classes, and wide has 0");
  refuse(of_shards() + "--ranks 300 --output a.ini", "fewer than the 300 ranks");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.ini"));
}

}  // namespace
}  // namespace bbg
