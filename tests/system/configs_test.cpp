// Every file in configs/: it can be planned, its networks have the published numbers of parameters,
// and it trains, reduced in width, on two ranks. New files are found by themselves.

#include <filesystem>

#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;

class Configs : public testing::Test {
 protected:
  // Paths below configs/, as "bigbigan/base.ini".
  static std::vector<std::string> names() {
    std::vector<std::string> all;
    const fs::path root = fs::path(BBG_SOURCE_DIR) / "configs";
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.path().extension() == ".ini") {
        all.push_back(fs::relative(entry.path(), root).string());
      }
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  static std::string path(const std::string& name) {
    return test::shell_word(std::string(BBG_SOURCE_DIR) + "/configs/" + name);
  }
  nlohmann::json plan(const std::string& name) {
    const test::Outcome outcome = test::run_command(
        folder_, test::program("bbg_dist") + " plan --config " + path(name) + " --json");
    EXPECT_EQ(outcome.code, 0) << name << ": " << outcome.err;
    return nlohmann::json::parse(outcome.out, nullptr, false);
  }
  // Shards of 12 images of noise in 4 classes; made once for each kind.
  std::string shards(int resolution, int channels) {
    const std::string name = std::to_string(resolution) + "x" + std::to_string(channels);
    if (fs::exists(folder_ / name)) return folder_ / name;
    std::string pixels, labels;
    const auto area = static_cast<size_t>(resolution * resolution);
    for (int i = 0; i < 12; ++i) {
      for (size_t p = 0; p < area; ++p) pixels += static_cast<char>((p * p + 31 * p * i + 7) >> 3);
      labels += static_cast<char>(i % 4);
    }
    test::write_file(folder_ / "images", test::idx_file({12, resolution, resolution}, pixels));
    test::write_file(folder_ / "labels", test::idx_file({12}, labels));
    const test::Outcome outcome = test::run_command(
        folder_, test::program("data_prep") + " shard --size " + std::to_string(resolution) +
                     " --channels " + std::to_string(channels) + " --input " +
                     test::shell_word(folder_ / "images") + " --labels " +
                     test::shell_word(folder_ / "labels") + " --output " +
                     test::shell_word(folder_ / name));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return folder_ / name;
  }

  test::TemporaryFolder folder_;
};

// The numbers and their sources are those of tests/unit/model/parameter_counts_test.cpp.
TEST_F(Configs, PlanCountsThePublishedNumbersOfParameters) {
  const std::map<std::string, std::map<std::string, int64_t>> published = {
      {"bigan/imagenet.ini", {{"G", 6'050'880}, {"E", 3'154'464}, {"D", 4'494'784}}},
      {"bigan/imagenet_112.ini", {{"G", 6'050'880}, {"E", 4'844'064}, {"D", 4'494'784}}},
      {"bigan/mnist.ini", {{"G", 1'953'792}, {"E", 1'902'592}, {"D", 1'903'616}}},
      {"bigan/mnist_latent_regressor.ini",
       {{"G", 1'953'792}, {"E", 1'902'592}, {"D", 1'903'616 - 50 * 1024}}},
      {"bigan/mnist_autoencoder_l1.ini", {{"G", 1'953'792}, {"E", 1'902'592}}},
      {"bigbigan/base.ini", {{"G", 70'306'116}, {"E", 91'612'976}, {"D", 160'379'172}}},
      {"bigbigan/no_e.ini", {{"G", 70'306'116}, {"D", 86'446'370}}},
      {"bigbigan/revnet_x4.ini", {{"E", 204'209'904}, {"D", 160'379'172}}},
      {"biggan/imagenet_128.ini", {{"G", 70'433'988}, {"D", 87'982'370}}},
      {"biggan/imagenet_256.ini", {{"G", 82'097'604}, {"D", 99'225'890}}},
      {"biggan/imagenet_512.ini", {{"G", 82'468'068}, {"D", 99'401'282}}}};
  size_t found = 0;
  for (const std::string& name : names()) {
    const nlohmann::json facts = plan(name);
    ASSERT_TRUE(facts.is_object()) << name;
    EXPECT_GT(facts["parameters"]["total"], 0) << name;
    EXPECT_GT(facts["state_bytes"], 0) << name;
    const auto row = published.find(name);
    if (row == published.end()) continue;
    ++found;
    for (const auto& [network, count] : row->second) {
      EXPECT_EQ(facts["parameters"][network], count) << name << " " << network;
    }
  }
  EXPECT_EQ(found, published.size());
}

// Donahue et al. 2017's code prints 0.6932 for D, G and E before it trains: ln 2, in float32.
TEST_F(Configs, MnistStartsWithBothLossesAtLnTwo) {
  const test::Outcome outcome = test::run_command(
      folder_,
      test::program("bbg_dist") + " --config " + path("bigan/mnist.ini") + " --run.output " +
          test::shell_word(folder_ / "run") + " --data.shards " + test::shell_word(shards(28, 1)) +
          " --data.test-shards= --data.batch 12 --run.steps 1 --report.every 1"
          " --eval.standing-passes 1 --eval.batch 12 --eval.samples 12 --eval.probe-iterations 2");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto first = nlohmann::json::parse(test::read_file(folder_ / "run/metrics.jsonl"));
  EXPECT_EQ(first["step"], 1);
  EXPECT_NEAR(first["loss_d"], std::log(2.0), 1e-6);
  EXPECT_NEAR(first["loss_ge"], std::log(2.0), 1e-6);
}

// In parts, which may run side by side.
constexpr size_t kParts = 4;
class EveryConfig : public Configs, public testing::WithParamInterface<size_t> {};

TEST_P(EveryConfig, TrainsTwoStepsOnTwoRanksAtAReducedWidth) {
  const std::vector<std::string> all = names();
  ASSERT_GT(all.size(), kParts);
  for (size_t i = GetParam(); i < all.size(); i += kParts) {
    const std::string& name = all[i];
    SCOPED_TRACE(name);
    const nlohmann::json facts = plan(name);
    const nlohmann::json images = facts["images"];
    const bool has_d = facts["parameters"].contains("D");
    EXPECT_EQ(has_d, facts["system"] != "autoencoder");
    const std::string run = folder_ / "run";
    fs::remove_all(run);
    const int resolution = images["resolution"].get<int>() + (images["crop"] ? 8 : 0);
    std::string more;
    if (images["classes"] > 0) more = " --model.num-classes 4";
    // Freed memory that is kept is not cleared anew for each tensor, which took a third of the
    // time.
    const test::Outcome outcome = test::run_command(
        folder_,
        "MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_MMAP_MAX_=0 " +
            test::shell_word(std::string(BBG_SOURCE_DIR) + "/launch/run") +
            " --restarts 0 --ranks 2 --program " + test::program("bbg_dist") + " --config " +
            path(name) + " --run.output " + test::shell_word(run) + " --data.shards " +
            test::shell_word(shards(resolution, images["channels"])) +
            " --data.test-shards= --run.steps 2 --data.batch 2 --model.width 2 --model.g-width 0"
            " --model.e-width 2 --model.h-width 8 --model.j-width 8 --model.e-head-width 8"
            " --eval.standing-passes 1 --eval.batch 2 --eval.samples 4 --eval.probe-iterations 2 "
            "--report.every 1 --report.grid-samples 4 --report.grid-reconstructions 4"
            " --compute.threads 1" +
            more);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    std::istringstream lines(test::read_file(run + "/metrics.jsonl"));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      const auto values = nlohmann::json::parse(line);
      EXPECT_TRUE(values["loss_ge"].is_number()) << line;
      EXPECT_EQ(values.contains("loss_d"), has_d) << line;
      EXPECT_EQ(values.contains("loss_ge_reconstruction"), !has_d) << line;
      for (const auto& [field, value] : values.items()) EXPECT_TRUE(value.is_number()) << field;
    }
    EXPECT_EQ(count, 2);
    EXPECT_TRUE(fs::exists(run + "/grids/samples-00000002.png"));
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, EveryConfig, testing::Range(size_t{0}, kParts));

}  // namespace
}  // namespace bbg
