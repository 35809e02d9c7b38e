// The same faults on four hosts: a real Slurm, whose nodes are networks of their own on this
// machine (slurm/local_cluster). Skipped where it cannot start: it needs root, its packages and a
// kernel that gives namespaces.

#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include "core/error.h"
#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Cluster : public test::BbgDist {
 protected:
  static void SetUpTestSuite() {
    const test::TemporaryFolder folder;
    is_ours_ = test::run_command(folder, script() + " status").code != 0;
    const test::Outcome outcome = test::run_command(
        folder, is_ours_ ? script() + " start --state " +
                               test::shell_word(std::string(BBG_BIN_DIR) + "/../slurm_cluster")
                         : script() + " start");
    reason_ = outcome.code == 0 ? "" : outcome.err;
    const std::string mark = "export SLURM_CONF=";
    if (const size_t at = outcome.out.find(mark); at != std::string::npos) {
      const size_t start = at + mark.size();
      ::setenv("SLURM_CONF",
               outcome.out.substr(start, outcome.out.find('\n', start) - start).c_str(), 1);
    }
    if (reason_.empty()) BbgDist::SetUpTestSuite();
  }
  static void TearDownTestSuite() {
    BbgDist::TearDownTestSuite();
    const test::TemporaryFolder folder;
    if (is_ours_) test::run_command(folder, script() + " stop");
  }
  void SetUp() override {
    if (!reason_.empty()) GTEST_SKIP() << "no local Slurm cluster here: " << reason_;
    BbgDist::SetUp();
  }

  static std::string source(const std::string& path) {
    return test::shell_word(std::string(BBG_SOURCE_DIR) + "/" + path);
  }
  // Rank 1 of four, each on a node of its own, misbehaves in its round 5 (faulty_ranks.cpp).
  test::Outcome run_faulty(const std::string& fault) {
    return test::run_command(folder_, "salloc --quiet --nodes=4 --ntasks-per-node=1 " +
                                          source("launch/run") + " --restarts 0 --program " +
                                          test::program("faulty_ranks") + " " + fault + " 1 3000 " +
                                          test::shell_word(folder_ / ""));
  }

  // Puts the training job into the queue; its number.
  std::string submit(const std::string& output, const std::string& more) {
    const test::Outcome outcome = test::run_command(
        folder_, "cd " + source("") + " && sbatch --parsable --output=" +
                     test::shell_word(folder_ / (output + ".log")) +
                     " slurm/train.sbatch --config " + test::shell_word(config_) +
                     " --run.output " + test::shell_word(folder_ / output) + " " + more);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.out.substr(0, outcome.out.find_first_not_of("0123456789"));
  }
  std::string job(const std::string& number) {
    return test::run_command(folder_, "scontrol show job " + number).out;
  }
  // False: not within two minutes.
  static bool wait_until(const std::function<bool()>& is_so) {
    for (int tries = 0; tries < 600; ++tries) {
      if (is_so()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    return false;
  }
  bool ends_well(const std::string& number) {
    std::string text;
    const bool has_ended = wait_until([&] {
      text = job(number);
      return text.find("JobState=COMPLETED") != std::string::npos ||
             text.find("JobState=FAILED") != std::string::npos;
    });
    return has_ended && text.find("JobState=COMPLETED") != std::string::npos;
  }

 private:
  static std::string script() { return source("slurm/local_cluster"); }
  inline static bool is_ours_ = false;
  inline static std::string reason_;
};

TEST_F(Cluster, StoppedRankOfAnotherHostIsNamedWhenTheDeadlinePasses) {
  const test::Outcome outcome = run_faulty("stop");
  EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr(": all_reduce #16 (4000 bytes) has waited"));
  EXPECT_THAT(outcome.err, HasSubstr("not there yet: rank 1 (on another host"));
  for (const std::string waiting : {"0", "2", "3"}) {
    EXPECT_EQ(outcome.err.find("not there yet: rank " + waiting), std::string::npos) << outcome.err;
  }
}

TEST_F(Cluster, RankThatLeavesOutACollectiveIsNamed) {
  const test::Outcome outcome = run_faulty("skip");
  EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("the ranks are out of order"));
  EXPECT_THAT(outcome.err, ::testing::AnyOf(HasSubstr("rank 1: broadcast #16"),
                                            HasSubstr("rank 1 entered broadcast")));
}

TEST_F(Cluster, RankThatDiesOrThrowsEndsTheJob) {
  const test::Outcome killed = run_faulty("kill");
  EXPECT_EQ(killed.code, core::kExitRestart) << killed.err;
  EXPECT_THAT(killed.err, HasSubstr("task 1: Killed"));
  const test::Outcome outcome = run_faulty("throw");
  EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("rank 1: a test's fault"));
  EXPECT_THAT(outcome.err, HasSubstr("rank 1 had come to agree #15"));
}

TEST_F(Cluster, JobThatRunsOutOfTimeGoesOnFromTheQueueBitForBit) {
  const std::string steps = "--run.steps 150";
  const std::string whole = submit("whole", steps);
  ASSERT_TRUE(ends_well(whole)) << job(whole) << test::read_file(folder_ / "whole.log");

  const std::string number = submit("broken", steps);
  ASSERT_TRUE(wait_until([&] { return fs::exists(folder_ / "broken/checkpoints/step-00000010"); }))
      << test::read_file(folder_ / "broken.log");
  // What Slurm sends ahead of the time limit.
  ASSERT_EQ(test::run_command(folder_, "scancel --batch --signal=USR1 " + number).code, 0);
  ASSERT_TRUE(wait_until([&] {
    const std::string state = job(number);
    return state.find("JobState=PENDING") != std::string::npos &&
           state.find("Restarts=1") != std::string::npos;
  })) << job(number)
      << test::read_file(folder_ / "broken.log");
  // It would begin two minutes later by itself. In the second of its end Slurm takes a new start
  // for the old job.
  std::this_thread::sleep_for(std::chrono::seconds(10));
  ASSERT_EQ(test::run_command(folder_, "scontrol update StartTime=now JobId=" + number).code, 0);
  ASSERT_TRUE(ends_well(number)) << job(number) << test::read_file(folder_ / "broken.log");
  const std::string log = test::read_file(folder_ / "broken.log");
  EXPECT_THAT(log, HasSubstr("goes back into the queue"));
  EXPECT_THAT(log, HasSubstr("resumed from"));

  expect_equal_bits("whole", "broken", 150);
}

}  // namespace
}  // namespace bbg
