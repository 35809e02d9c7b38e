// Which run a folder and a configuration are of: ranks that were started differently, folders that
// were moved or copied, options that change on the way.

#include <filesystem>

#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class RunIdentity : public test::BbgDist {
 protected:
  // Two ranks, of which the second gets `more`, shell text.
  test::Outcome train_unequal_ranks(const std::string& more) {
    const std::string one = test::program("bbg_dist") + " --config " + test::shell_word(config_) +
                            " --run.output " + test::shell_word(folder_ / "run");
    test::write_file(folder_ / "rank.sh", "case $OMPI_COMM_WORLD_RANK in\n 0) exec " + one +
                                              ";;\n *) exec " + one + " " + more + ";;\nesac\n");
    return test::run_command(folder_,
                             test::shell_word(std::string(BBG_SOURCE_DIR) + "/launch/run") +
                                 " --restarts 0 --ranks 2 --program /bin/sh " +
                                 test::shell_word(folder_ / "rank.sh"));
  }
  test::Outcome start(const std::string& config, const std::string& more = "") {
    return test::run_command(folder_, test::program("bbg_dist") + " --config " +
                                          test::shell_word(folder_ / config) + " " + more);
  }
  // Names and contents of all files.
  std::map<std::string, std::string> content(const std::string& output) {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / output)) {
      if (entry.is_regular_file()) all[entry.path()] = test::read_file(entry.path());
    }
    return all;
  }
  std::string configured(const std::string& output, const std::string& line) {
    return test::read_file(folder_ / (output + "/config.ini")).find("\n" + line + "\n") !=
                   std::string::npos
               ? line
               : "absent";
  }
};

TEST_F(RunIdentity, RanksWithOtherOptionsOrDataAreRefused) {
  test::expect_one_line(
      train_unequal_ranks("--train.lr-d 0.5"), 2,
      "error: rank 1 differs from rank 0: train.lr-d is 0.5 there, 0.001 on rank 0", "hint: ");
  test::expect_one_line(train_unequal_ranks("--run.output elsewhere"), 2,
                        "error: rank 1 differs from rank 0: run.output is elsewhere there", "hint");
  EXPECT_FALSE(fs::exists(folder_ / "run"));

  // The same images in another order, and with that another data set of equal size.
  const std::string other = folder_ / "other";
  fs::copy(shards(), other, fs::copy_options::recursive);
  EXPECT_EQ(train_unequal_ranks("--data.shards " + test::shell_word(other)).code, 0);
  fs::remove_all(other);
  fs::remove_all(folder_ / "run");
  const test::Outcome made = test::run_command(
      folder_, test::program("data_prep") + " shard --size 16 --input " +
                   test::shell_word(*data_ / "images") + " --output " + test::shell_word(other));
  ASSERT_EQ(made.code, 0) << made.err;
  test::expect_one_line(train_unequal_ranks("--data.shards " + test::shell_word(other)), 2,
                        "error: rank 1 differs from rank 0: the data of data.shards is ", "hint: ");
}

TEST_F(RunIdentity, MovedRunGoesOnWhereItIs) {
  ASSERT_EQ(train(1, "whole", "--run.steps 20").code, 0);
  ASSERT_EQ(train(1, "run", "--run.steps 10").code, 0);
  fs::rename(folder_ / "run", folder_ / "moved");
  const test::Outcome moved = start("moved/config.ini", "--run.steps 20");
  EXPECT_EQ(moved.code, 0) << moved.err;
  EXPECT_THAT(moved.err, HasSubstr("moved/config.ini lies in a run folder"));
  EXPECT_THAT(moved.err, HasSubstr("resumed from"));
  EXPECT_FALSE(fs::exists(folder_ / "run"));
  expect_equal_bits("whole", "moved", 20);
}

TEST_F(RunIdentity, CopyOfARunLeavesTheOriginalAsItWas) {
  ASSERT_EQ(train(1, "run", "--run.steps 10").code, 0);
  fs::copy(folder_ / "run", folder_ / "copy", fs::copy_options::recursive);
  const auto before = content("run");
  const test::Outcome copy = start("copy/config.ini", "--run.steps 12");
  EXPECT_EQ(copy.code, 0) << copy.err;
  EXPECT_EQ(content("run"), before);
  EXPECT_TRUE(fs::exists(folder_ / "copy/checkpoints/step-00000012"));
  const test::Outcome sample = test::run_command(
      folder_, test::program("bbg_dist") + " sample --json --config " +
                   test::shell_word(folder_ / "copy/config.ini") + " --output grid.png --count 4");
  EXPECT_THAT(sample.out, HasSubstr("copy/checkpoints/step-00000012"));
  fs::remove(folder_ / "grid.png");

  // The word of the command line stands.
  const test::Outcome elsewhere =
      start("copy/config.ini", "--run.steps 2 --run.output " + test::shell_word(folder_ / "third"));
  EXPECT_EQ(elsewhere.code, 0) << elsewhere.err;
  EXPECT_TRUE(fs::exists(folder_ / "third/checkpoints/step-00000002"));
  EXPECT_EQ(content("run"), before);
}

TEST_F(RunIdentity, ChangedOptionsAreToldAndACompleteRunKeepsItsOwn) {
  ASSERT_EQ(train(1, "run", "--run.steps 10").code, 0);
  const test::Outcome changed = train(1, "run", "--run.steps 20 --train.lr-g 0.002");
  EXPECT_EQ(changed.code, 0) << changed.err;
  EXPECT_THAT(changed.err, HasSubstr("options changed at step 10: run.steps 10 -> 20, "
                                     "train.lr-g 0.001 -> 0.002\n"));
  const std::string lines = test::read_file(folder_ / "run/metrics.jsonl");
  EXPECT_THAT(lines, HasSubstr(R"({"step":10,"changed":{"run.steps":{"before":"10","after":"20"},)"
                               R"("train.lr-g":{"before":"0.001","after":"0.002"}}})"));
  EXPECT_THAT(test::read_file(folder_ / "run/report.html"), HasSubstr("train.lr-g: 0.001 → 0.002"));

  const test::Outcome complete = train(1, "run", "--run.steps 20 --train.lr-g 0.5");
  EXPECT_EQ(complete.code, 0) << complete.err;
  EXPECT_THAT(complete.err, HasSubstr("train.lr-g 0.002 -> 0.5"));
  EXPECT_EQ(configured("run", "lr-g = 0.002"), "lr-g = 0.002");
  EXPECT_THAT(test::read_file(folder_ / "run/report.html"), Not(HasSubstr("lr-g = 0.5\n")));
  EXPECT_EQ(test::read_file(folder_ / "run/metrics.jsonl"), lines);

  // This option may not change.
  ASSERT_EQ(train(1, "other", "--run.steps 2 --train.d-steps 1").code, 0);
  test::expect_one_line(
      train(1, "other", "--train.d-steps 1 --train.simultaneous true"), 2,
      "error: ", "is of another run: train.simultaneous is false there, true here");
}

// Steps and optimizer go on; the samples are those behind the last one, none left out and none
// twice.
TEST_F(RunIdentity, AnotherBatchIsTakenWhereItIsAskedFor) {
  ASSERT_EQ(train(1, "run", "--run.steps 4").code, 0);
  const std::string larger = "--run.steps 8 --data.batch 96 ";
  const test::Outcome refused = train(1, "run", larger);
  test::expect_one_line(refused, 2,
                        "error: ", "is of another run: data.batch is 64 there, 96 here");
  EXPECT_THAT(refused.err, HasSubstr("set run.resume-batch = true to go on with it"));
  ASSERT_EQ(train(1, "run", larger + "--run.resume-batch true --run.steps 6").code, 0);
  ASSERT_EQ(train(2, "run", larger + "--run.steps 8").code, 0);  // it is of this batch now
  EXPECT_THAT(test::read_file(folder_ / "run/report.html"), HasSubstr("data.batch: 64 → 96"));

  // One run of the larger batch has the same samples in the same order, in other steps.
  ASSERT_EQ(train(1, "whole", "--data.batch 96 --run.steps 7").code, 0);
  const auto ids = [&](const std::string& output) {
    std::istringstream lines(samples(output));
    std::vector<std::string> all;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line.substr(line.find(' ')));
      for (std::string id; words >> id;) all.push_back(id);
    }
    return all;
  };
  const auto run = ids("run"), whole = ids("whole");
  ASSERT_EQ(run.size(), 3u * (4 * 64 + 4 * 96));
  ASSERT_GE(whole.size(), run.size());
  EXPECT_TRUE(std::equal(run.begin(), run.end(), whole.begin()));
  EXPECT_THAT(metrics("run"),
              HasSubstr("\"step\":8,\"images\":" + std::to_string(run.size()) + ","));
}

}  // namespace
}  // namespace bbg
