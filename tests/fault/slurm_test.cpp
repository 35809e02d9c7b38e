// The same faults on four hosts, and data_prep on them: a real Slurm, whose nodes are networks of
// their own on this machine (slurm/local_cluster). Skipped where it cannot start: it needs root,
// its packages and a kernel that gives namespaces.

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
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

TEST_F(Cluster, RanksThatSrunStartsWithoutPmixAreRefused) {
  const std::string run = test::program("bbg_dist") + " --config " + test::shell_word(config_) +
                          " --run.steps 1 --run.output " + test::shell_word(folder_ / "run");
  const test::Outcome outcome = test::run_command(folder_, "srun --mpi=none -n2 " + run);
  EXPECT_EQ(outcome.code, core::kExitUsage) << outcome.err;
  EXPECT_THAT(outcome.err,
              HasSubstr("error: srun started 2 processes that cannot find one another"));
  EXPECT_THAT(outcome.err, HasSubstr("type: srun --mpi=pmix"));
  EXPECT_FALSE(fs::exists(folder_ / "run"));
  // MPI may know PMI, or end the process where it does not.
  const test::Outcome by_pmi = test::run_command(folder_, "srun --mpi=pmi2 -n2 " + run);
  EXPECT_THAT(by_pmi.err, HasSubstr("type: srun --mpi=pmix"));
}

// As in the shell of `srun --pty bash`, whatever it was started with; and beside the tasks of a
// batch job, of which its script is none.
TEST_F(Cluster, OneRankInsideAStepOrABatchScriptTrainsAlone) {
  const std::string run = test::program("bbg_dist") + " --config " + test::shell_word(config_) +
                          " --run.steps 1 --run.output ";
  for (const std::string kind : {"none", "pmi2", "pmix"}) {
    const std::string output = folder_ / kind;
    // A second program finds Slurm's server used up.
    test::write_file(folder_ / "shell.sh", run + output + " && " + run + output + "-again && " +
                                               test::program("bbg_dist") + " sample --config " +
                                               output + "/config.ini --count 4 --output " + output +
                                               ".png");
    const test::Outcome outcome = test::run_command(
        folder_, "srun --mpi=" + kind + " -n1 bash " + test::shell_word(folder_ / "shell.sh"));
    EXPECT_EQ(outcome.code, 0) << kind << ": " << outcome.err;
    EXPECT_TRUE(fs::exists(output + ".png"));
  }
  test::write_file(folder_ / "batch.sh", "#!/bin/bash\nsource " + source("launch/env.sh") + "\n" +
                                             run + (folder_ / "batch") + "\n");
  const test::Outcome batch = test::run_command(
      folder_, "sbatch --wait -n4 -o " + (folder_ / "batch.log") + " " + (folder_ / "batch.sh"));
  EXPECT_EQ(batch.code, 0) << test::read_file(folder_ / "batch.log");
}

TEST_F(Cluster, LaunchRunInsideAStepDoesNotWaitForIt) {
  const test::Outcome outcome = test::run_command(
      folder_, "salloc --quiet --nodes=2 --ntasks-per-node=1 timeout 200 srun --mpi=none -N1 -n1 " +
                   train_command(2, "run", "--run.steps 1"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("2 ranks on 2 hosts"));
}

// Each node has a /tmp of its own.
TEST_F(Cluster, TracesOfHostsThatDoNotSeeTheRunFolderStayThere) {
  const std::string output = "/tmp" + folder_.path() + "/traced";
  const test::Outcome outcome = test::run_command(
      folder_, "salloc --quiet --nodes=2 --ntasks-per-node=1 " +
                   train_command(2, "run",
                                 "--run.steps 5 --report.trace-steps 1 --run.output " +
                                     test::shell_word(output)));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const test::Outcome found =
      test::run_command(folder_, "srun --nodes=4 --ntasks-per-node=1 bash -c 'ls " + output +
                                     "/trace-*; rm -rf " + output + "'");
  EXPECT_THAT(found.out, HasSubstr("trace-rank-0.json"));
  EXPECT_THAT(found.out, HasSubstr("trace-rank-1.json"));
}

TEST_F(Cluster, JobThatRunsOutOfTimeGoesOnFromTheQueueBitForBit) {
  // All checkpoints are kept: the first is there however late the test looks.
  const std::string steps = "--run.steps 150 --checkpoint.keep 20";
  const std::string whole = submit("whole", steps);
  ASSERT_TRUE(ends_well(whole)) << job(whole) << test::read_file(folder_ / "whole.log");

  const std::string number = submit("broken", steps);
  ASSERT_TRUE(wait_until([&] { return fs::exists(folder_ / "broken/checkpoints/step-00000010"); }))
      << test::read_file(folder_ / "broken.log");
  // Slurm sends this signal ahead of the time limit.
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

class ClusterDataPrep : public Cluster {
 protected:
  // photos/{ant,bee}/NN-*: kShards * kImages files. Those of the later shards are larger, by bytes
  // that follow the image.
  void SetUp() override {
    Cluster::SetUp();
    if (IsSkipped()) return;
    std::map<std::string, std::string> images;
    for (const auto& entry :
         fs::directory_iterator(std::string(BBG_SOURCE_DIR) + "/tests/fuzz/corpus/image")) {
      images[entry.path().filename().string()] = test::read_file(entry.path().string());
    }
    auto image = images.begin();
    for (int i = 0; i < kShards * kImages; ++i) {
      const bool is_late = i >= kShards * kImages / 2;
      const std::string place = is_late ? "/bee/" : "/ant/";
      test::write_file(
          folder_ / ("photos" + place + std::to_string(100 + i) + "-" + image->first),
          image->second + (is_late ? std::string(kMoreBytes, static_cast<char>(i)) : ""));
      if (++image == images.end()) image = images.begin();
    }
  }

  // The command line, for srun or alone.
  std::string data_prep(const std::string& output, const std::string& more) {
    return test::program("data_prep") + " shard --input " + test::shell_word(folder_ / "photos") +
           " --shards " + std::to_string(kShards) + " --output " +
           test::shell_word(folder_ / output) + " " + more;
  }
  // Names and contents of all files.
  std::map<std::string, std::string> contents(const std::string& output) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / output)) {
      if (!entry.is_regular_file()) continue;
      files[fs::relative(entry.path(), folder_ / output).string()] =
          test::read_file(entry.path().string());
    }
    return files;
  }

  static constexpr int kShards = 8, kImages = 6;  // images of a shard
  static constexpr size_t kMoreBytes = 8 << 10;
};

TEST_F(ClusterDataPrep, TasksOfSeveralNodesMakeTheBytesOfOneProcess) {
  const std::string sizes = "--size 16,24";
  ASSERT_EQ(test::run_command(folder_, data_prep("alone", sizes)).code, 0);
  const auto alone = contents("alone");
  EXPECT_EQ(alone.size(), 2u * (kShards + 1));  // shards and a manifest for each size
  for (const std::string tasks : {"--nodes=4 --ntasks-per-node=1", "--nodes=3 --ntasks=5"}) {
    const test::Outcome outcome =
        test::run_command(folder_, "srun --quiet " + tasks + " " + data_prep("job", sizes));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(outcome.out, HasSubstr("job/24: 48 images of 24x24x3, 2 classes, 8 shard(s)"));
    EXPECT_TRUE(contents("job") == alone) << tasks;
    fs::remove_all(folder_ / "job");
  }
}

// Task 1 makes the shards 1 and 5. The system kills it in the second one, when it writes a byte too
// many.
TEST_F(ClusterDataPrep, AfterATaskWasKilledTheSameCommandGoesOnAndMakesTheSameBytes) {
  const std::string originals = "--store original --order source --threads 1";
  ASSERT_EQ(test::run_command(folder_, data_prep("alone", originals)).code, 0);
  const std::string limit = folder_ / "limit";
  test::write_file(limit, "ulimit -c 0 -f " + std::to_string(kMoreBytes * kImages / 2 >> 10));
  test::write_file(folder_ / "task.sh", "if [[ $SLURM_PROCID == 1 && -e " + limit +
                                            " ]]; then source " + limit + "; fi\nexec " +
                                            data_prep("job", originals) + "\n");
  const std::string command = "srun --nodes=4 --ntasks-per-node=1 --kill-on-bad-exit=1 bash " +
                              test::shell_word(folder_ / "task.sh");
  const test::Outcome killed = test::run_command(folder_, command);
  EXPECT_NE(killed.code, 0);
  EXPECT_THAT(killed.err, HasSubstr("task 1: File size limit exceeded"));
  const auto alone = contents("alone"), left = contents("job");
  EXPECT_EQ(left.count("dataset.json"), 0u);
  const auto is_whole = [&](const std::string& number) {
    return std::any_of(left.begin(), left.end(), [&](const auto& file) {
      return file.first.ends_with("-" + number + "-of-00008.h5");
    });
  };
  EXPECT_TRUE(is_whole("00001"));
  EXPECT_FALSE(is_whole("00005"));

  fs::remove(limit);
  const test::Outcome again = test::run_command(folder_, command);
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(contents("job") == alone);
}

// The dead owner's last sign of life is young, and on another node nobody knows that it is dead.
// Instead of waiting for a minute the test makes that sign older.
TEST_F(ClusterDataPrep, AJobOnOtherNodesWaitsUntilAKilledOneCountsAsGone) {
  const std::string command = data_prep("job", "--size 16");
  ASSERT_EQ(test::run_command(folder_, data_prep("alone", "--size 16")).code, 0);
  // Rank 0 of two, whose rank 1 never comes, has the folder and waits for it.
  const std::string first =
      "srun --nodelist=node1 -n1 --export=ALL,OMPI_COMM_WORLD_RANK=0,OMPI_COMM_WORLD_SIZE=2 "
      "bash -c 'echo $$ > " +
      (folder_ / "pid") + "; exec \"$@\"' _ " + command;
  const std::string owner = folder_ / "job/.owner.json";
  // A process that asks for the folder first writes a file beside its owner's.
  const auto has_come = [&] {
    const fs::directory_iterator entries(folder_ / "job");
    return std::any_of(begin(entries), end(entries), [](const fs::directory_entry& entry) {
      return entry.path().filename().string().starts_with(".owner.json.");
    });
  };
  test::Outcome killed, outcome;
  {
    const std::jthread running([&] { killed = test::run_command(folder_, first); });
    ASSERT_TRUE(wait_until([&] { return fs::exists(owner); }));
    ::kill(std::stoi(test::read_file(folder_ / "pid")), SIGKILL);
  }
  EXPECT_THAT(killed.err, HasSubstr("task 0: Killed"));
  {
    std::atomic<bool> has_ended = false;
    const std::jthread running([&] {
      outcome = test::run_command(folder_, "srun --nodelist=node2 -n1 " + command);
      has_ended = true;
    });
    ASSERT_TRUE(wait_until([&] { return has_ended || has_come(); }));
    fs::last_write_time(owner, fs::last_write_time(owner) - std::chrono::minutes(5));
  }
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("over from data_prep shard, process "));
  EXPECT_TRUE(contents("job") == contents("alone"));
}

}  // namespace
}  // namespace bbg
