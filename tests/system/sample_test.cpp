// bbg_dist sample: grids and files of a trained run, truncation with statistics of its own, what is
// refused.

#include <algorithm>
#include <filesystem>

#include "tests/support/decode_image.h"
#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Sample : public test::BbgDist {
 protected:
  void SetUp() override {
    BbgDist::SetUp();
    ASSERT_EQ(train(1, "run", "--model.bn-eps 1e-12").code, 0);
  }
  test::Outcome sample(const std::string& output, const std::string& more = "") {
    return test::run_command(
        folder_, test::program("bbg_dist") + " sample --config " + test::shell_word(config_) +
                     " --model.bn-eps 1e-12 --run.output " + test::shell_word(folder_ / "run") +
                     " --output " + test::shell_word(folder_ / output) + " " + more);
  }
  std::vector<uint8_t> pixels(const std::string& file, int64_t height, int64_t width) {
    const std::string bytes = test::read_file(folder_ / file);
    const core::Image image = test::decode_image(bytes, {.channels = 1}, file);
    EXPECT_EQ(image.height, height) << file;
    EXPECT_EQ(image.width, width) << file;
    return image.pixels;
  }
};

int largest_difference(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
  EXPECT_EQ(a.size(), b.size());
  int largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(int{a[i]} - int{b[i]}));
  }
  return largest;
}

// Where MPI cannot start.
TEST_F(Sample, StartsNoMpi) {
  test::write_file(folder_ / "file", "");
  const std::string place = "TMPDIR=" + test::shell_word(folder_ / "file/tmp") + " ";
  const std::string program = place + test::program("bbg_dist");
  const std::string run = " --config " + test::shell_word(folder_ / "run/config.ini") + " ";
  EXPECT_EQ(test::run_command(folder_, program + run).code, 2);
  for (const std::string& command :
       {"sample" + run + "--output " + (folder_ / "grid.png"),
        "export" + run + "--output " + (folder_ / "networks.safetensors"), "plan" + run}) {
    const test::Outcome outcome = test::run_command(folder_, program + " " + command);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
  }
  EXPECT_TRUE(fs::exists(folder_ / "grid.png") && fs::exists(folder_ / "networks.safetensors"));
}

TEST_F(Sample, WritesAGridOrAFileForEachImage) {
  test::Outcome outcome = sample("some/grid.png", "--count 11 --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto facts = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(facts["images"], 11);
  EXPECT_EQ(facts["step"], 20);
  // Eight columns and two rows of 16 pixels, 2 between and around.
  const auto grid = pixels("some/grid.png", 2 * 18 + 2, 8 * 18 + 2);

  ASSERT_EQ(sample("files", "--count 11 --eval.batch 4 --eval.standing-passes 50").code, 0);
  ASSERT_EQ(sample("fewer-samples", "--count 3 --eval.batch 4 --eval.standing-passes 50").code, 0);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "files"), {}), 11);
  for (int i = 0; i < 3; ++i) {
    const std::string name = "/0000000" + std::to_string(i) + ".png";
    EXPECT_EQ(pixels("files" + name, 16, 16), pixels("fewer-samples" + name, 16, 16));
  }
  EXPECT_NE(pixels("files/00000000.png", 16, 16), pixels("files/00000010.png", 16, 16));
  ASSERT_EQ(sample("other.png", "--count 11 --draw 1").code, 0);
  EXPECT_NE(pixels("other.png", 38, 146), grid);
}

TEST_F(Sample, ClassesAreNamedAndHaveARowEach) {
  const std::string wide = folder_ / "wide";
  ASSERT_EQ(test::run_command(folder_, test::program("data_prep") + " shard --size 32 --input " +
                                           test::shell_word(*data_ / "images") + " --labels " +
                                           test::shell_word(*data_ / "labels") + " --output " +
                                           test::shell_word(wide))
                .code,
            0);
  const std::string model =
      "--model.block residual --model.resolution 32 --model.g-condition class "
      "--model.num-classes 4 --model.g-embedding 4 --model.d-norm sn --train.d-steps 1 "
      "--data.shards " +
      test::shell_word(wide) + " ";
  const test::Outcome trained = train(1, "classes", model + "--run.steps 2 --eval.probe-train 64");
  ASSERT_EQ(trained.code, 0) << trained.err;
  const auto grid = [&](const std::string& output, const std::string& more) {
    return test::run_command(folder_, test::program("bbg_dist") + " sample --json --config " +
                                          test::shell_word(folder_ / "classes/config.ini") +
                                          " --output " + test::shell_word(folder_ / output) + " " +
                                          more);
  };
  const test::Outcome named = grid("named.png", "--class 2,0");
  ASSERT_EQ(named.code, 0) << named.err;
  EXPECT_EQ(nlohmann::json::parse(named.out)["images"], 16);
  ASSERT_EQ(grid("two.png", "--label 2 --count 8").code, 0);
  const auto both = pixels("named.png", 2 * 34 + 2, 8 * 34 + 2);
  const auto two = pixels("two.png", 34 + 2, 8 * 34 + 2);
  // The first row of images and what is above it, in lines of 274 pixels.
  EXPECT_TRUE(std::equal(two.begin(), two.begin() + 34 * 274, both.begin()));
  const test::Outcome unknown = grid("none.png", "--class 2,cat");
  test::expect_one_line(unknown, 2, "error: --class cat: ", "has no such class");
}

TEST_F(Sample, TruncationMakesStandingStatisticsOfItsOwn) {
  // A linear layer and batch norm come first: a code multiplied by a number gives the same image,
  // if the statistics are those of codes so multiplied. Numbers of 8 bits may round either way.
  const std::string hub = "--eval.truncation-mode hub --eval.truncation ";
  ASSERT_EQ(sample("one.png", hub + "1").code, 0);
  ASSERT_EQ(sample("half.png", hub + "0.5").code, 0);
  const auto one = pixels("one.png", 146, 146);
  EXPECT_LE(largest_difference(pixels("half.png", 146, 146), one), 1);
  ASSERT_EQ(sample("cut.png", "--eval.truncation 0.5").code, 0);
  EXPECT_GT(largest_difference(pixels("cut.png", 146, 146), one), 20);
}

TEST_F(Sample, RefusesWhatCannotBeDone) {
  const auto refusal = [&](const std::string& output, const std::string& more) {
    const test::Outcome outcome = sample(output, more);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    return outcome.err;
  };
  EXPECT_THAT(refusal("grid.png", "--label 3"), HasSubstr("the model has no classes"));
  EXPECT_THAT(refusal("grid.png", "--count 0"),
              HasSubstr("--count = '0' must be a whole number from 1 to 100000000"));
  EXPECT_THAT(refusal("test.ini", ""), HasSubstr("is a file, and not a .png"));
  EXPECT_THAT(refusal("grid.png", "--run.output nowhere"), HasSubstr("no checkpoint"));
  EXPECT_THAT(refusal("grid.png", "--model.width 8"), HasSubstr("of another model"));
  EXPECT_THAT(refusal("grid.png", "--eval.truncation 0.001"), HasSubstr("eval.truncation"));
  EXPECT_THAT(
      refusal("grid.png", "--eval.truncation 1 --model.prior uniform --model.e-stochastic false"),
      HasSubstr("does not fit model.prior = uniform"));
  EXPECT_FALSE(fs::exists(folder_ / "grid.png"));
}

TEST_F(Sample, EvaluationFollowsTrainingWhereAsked) {
  ASSERT_EQ(train(2, "curve", "--eval.every 10 --eval.samples 50").code, 0);
  std::istringstream lines(test::read_file(folder_ / "curve/metrics.jsonl"));
  std::map<int, nlohmann::json> measured;
  for (std::string line; std::getline(lines, line);) {
    const auto values = nlohmann::json::parse(line);
    if (values.contains("eval.linear_probe")) measured[values["step"]] = values;
  }
  ASSERT_EQ(measured.size(), 2u);
  ASSERT_TRUE(measured.count(10) == 1 && measured.count(20) == 1);
  EXPECT_NE(measured[10]["eval.reconstruction_ratio"], measured[20]["eval.reconstruction_ratio"]);
  // The last is what evaluation.json says: the same networks, the same measures.
  const auto last = nlohmann::json::parse(test::read_file(folder_ / "curve/evaluation.json"));
  EXPECT_EQ(measured[20]["eval.linear_probe"], last["linear_probe"]["trained"]);
  EXPECT_EQ(measured[20]["eval.nearest_neighbour"], last["nearest_neighbour"]["trained"]);
  EXPECT_EQ(measured[20]["eval.reconstruction_ratio"], last["reconstruction"]["ratio"]);
  EXPECT_EQ(measured[20]["eval.frechet_pixels"], last["frechet_pixels"]["samples"]);
  EXPECT_GT(last["frechet_pixels"]["training"], 0);
  // Measuring does not touch training.
  ASSERT_EQ(train(2, "plain").code, 0);
  const auto expected = state("plain", 20), found = state("curve", 20);
  for (const auto& [name, tensor] : expected) {
    EXPECT_TRUE(at::equal(tensor, found.at(name))) << name;
  }
}

}  // namespace
}  // namespace bbg
