// The others' end when one rank stops, dies, throws or falls out of order: they leave
// within the deadline with a line that names rank and operation, and say what they did last.

#include <signal.h>

#include <filesystem>
#include <thread>

#include "core/error.h"
#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FaultyRank : public ::testing::Test {
 protected:
  test::Outcome run(const std::string& fault, int rank, int deadline_ms) {
    return test::run_command(folder_, std::string(BBG_MPIRUN) + " -np 3 " +
                                          test::program("faulty_ranks") + " " + fault + " " +
                                          std::to_string(rank) + " " + std::to_string(deadline_ms) +
                                          " " + test::shell_word(folder_ / ""));
  }
  nlohmann::json dump(int rank) {
    return nlohmann::json::parse(
        test::read_file(folder_ / ("collectives-rank-" + std::to_string(rank) + ".json")), nullptr,
        false);
  }
  test::TemporaryFolder folder_;
};

// Each round has an all_reduce, a broadcast and an agree: round 5 begins with number 16.

TEST_F(FaultyRank, ThatIsStoppedIsNamedWhenTheDeadlinePasses) {
  const test::Outcome outcome = run("stop", 1, 2000);
  EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr(": all_reduce #16 (4000 bytes) has waited"));
  EXPECT_THAT(outcome.err, HasSubstr("not there yet: rank 1 (at #15)"));
  const auto last = dump(0)["collectives"].back();
  EXPECT_EQ(last["sequence"], 16);
  EXPECT_EQ(last["operation"], "all_reduce");
  EXPECT_TRUE(last["left_s"].is_null());
  EXPECT_EQ(dump(2)["collectives"].back(), dump(2)["collectives"][15]);
}

TEST_F(FaultyRank, ThatLeavesOutACollectiveIsFoundAtOnce) {
  // No deadline is needed.
  const test::Outcome outcome = run("skip", 2, 600'000);
  EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("#16"));
  EXPECT_THAT(outcome.err, HasSubstr("the ranks are out of order"));
  // Who comes second tells: the faulty one of the others or the others of it.
  EXPECT_THAT(outcome.err, ::testing::AnyOf(HasSubstr("rank 2: broadcast #16"),
                                            HasSubstr("rank 2 entered broadcast")));
}

TEST_F(FaultyRank, ThatDiesOrThrowsEndsTheJob) {
  EXPECT_EQ(run("kill", 1, 600'000).code, 137);
  const test::Outcome outcome = run("throw", 1, 600'000);
  EXPECT_EQ(outcome.code, core::kExitRestart);
  EXPECT_THAT(outcome.err, HasSubstr("rank 1: a test's fault"));
  EXPECT_THAT(outcome.err, HasSubstr("rank 1 had come to agree #15"));
}

class FaultyRun : public test::BbgDist {
 protected:
  // The process of a rank of the run in `output`; 0: none.
  static pid_t process_of(const std::string& output, int rank) {
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const auto content = [&](const char* file) { return test::read_file(entry.path() / file); };
      const std::string command = content("cmdline");
      if (command.find("bbg_dist") == std::string::npos ||
          command.find(output) == std::string::npos) {
        continue;
      }
      const std::string own = "OMPI_COMM_WORLD_RANK=" + std::to_string(rank);
      if (content("environ").find(own + '\0') != std::string::npos) return std::stoi(name);
    }
    return 0;
  }
};

TEST_F(FaultyRun, StoppedRankIsNamedAndTheRunGoesOnFromItsCheckpoint) {
  // All checkpoints are kept, so that this one is there however late the test looks.
  const std::string more =
      "--run.steps 2000 --checkpoint.every 20 --checkpoint.keep 100 --comm.deadline-ms 3000";
  test::Outcome outcome;
  std::jthread run([&] { outcome = train(2, "run", more); });
  const std::string checkpoint = folder_ / "run/checkpoints/step-00000020";
  pid_t process = 0;
  for (int tries = 0; tries < 3000 && (process == 0 || !fs::exists(checkpoint)); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    process = process_of(folder_ / "run", 1);
  }
  if (process != 0) ::kill(process, SIGSTOP);
  run.join();
  ASSERT_NE(process, 0);
  EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("not there yet: rank 1 (at #"));
  EXPECT_THAT(outcome.err, HasSubstr("collectives-rank-"));
  EXPECT_TRUE(fs::exists(folder_ / "run/collectives-rank-0.json"));
  // "not there yet" once a rank that told it, never of a rank that waited itself.
  EXPECT_EQ(outcome.err.find("not there yet: rank 0"), std::string::npos) << outcome.err;
  const test::Outcome resumed = train(2, "run", "--run.steps 30 --checkpoint.every 20");
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("resumed from"));
}

// The cause is what the user reads, at once and with its own code, although communicators that were
// split off are destroyed on its way.
TEST_F(FaultyRun, FailedWriteIsToldAtOnceBelowASplit) {
  const std::string more = " --run.steps 20 --report.grid-every 5 --comm.deadline-ms 600000";
  for (const std::string split : {"--train.norm-group node", "--comm.exchange background"}) {
    SCOPED_TRACE(split);
    const std::string output = "broken" + std::to_string(split.size());
    // A folder where rank 0 will put a file, while rank 1 goes on.
    fs::create_directories(folder_ / (output + "/grids/samples-00000005.png/in the way"));
    const test::Outcome outcome = train(2, output, split + more);
    EXPECT_EQ(outcome.code, core::kExitFailure) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("error: rank 0: rename failed for "));
  }
}

}  // namespace
}  // namespace bbg
