// A run that is asked to stop, loses its reader, or meets another run in its folder: what it saves,
// what it exits with, and that it goes on as if nothing had been.

#include <filesystem>

#include "core/error.h"
#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class Interruption : public test::BbgDist {
 protected:
  std::string command(const std::string& output, const std::string& more, int ranks = 1) {
    return (ranks > 1
                ? "mpirun --quiet --oversubscribe --bind-to none -np " + std::to_string(ranks) + " "
                : "") +
           test::program("bbg_dist") + " --config " + test::shell_word(config_) + " --run.output " +
           test::shell_word(folder_ / output) + " " + more;
  }
  // Runs shell text with the variables of launch/env.sh.
  test::Outcome run_script(const std::string& text) {
    test::write_file(
        folder_ / "script.sh",
        "source " + test::shell_word(std::string(BBG_SOURCE_DIR) + "/launch/env.sh") + "\n" + text);
    return test::run_command(folder_, "bash " + test::shell_word(folder_ / "script.sh"));
  }
  // Shell text: waits until `condition` holds, or the run, $child, is over.
  static std::string until(const std::string& condition) {
    return "until " + condition + " || ! kill -0 $child; do sleep 0.02; done\n";
  }
  // Starts the run, sends `signal` once `condition` holds, and returns what the run gave.
  test::Outcome signal(const std::string& command, const std::string& condition,
                       const std::string& signal, const std::string& before = "") {
    return run_script(before + command + " &\nchild=$!\n" + until(condition) + "kill -" + signal +
                      " $child\nwait $child\n");
  }
  std::string is_there(const std::string& path) {
    return "[[ -s " + test::shell_word(folder_ / path) + " ]]";
  }

  const std::string rare_ = "--run.steps 60 --checkpoint.every 1000 --report.grid-every 60 ";
  // Options of an evaluation that never ends by itself.
  const std::string endless_ = "--eval.standing-passes 100000000 ";
};

TEST_F(Interruption, EverySignalOfABatchSystemSavesAndTheRunGoesOn) {
  ASSERT_EQ(train(1, "whole", rare_).code, 0);
  for (const std::string name : {"INT", "TERM", "USR1", "USR2", "HUP"}) {
    SCOPED_TRACE(name);
    // A shell starts what runs in the background with SIGINT ignored.
    const std::string listening = name == "INT" ? "env --default-signal=INT " : "";
    const test::Outcome outcome =
        signal(listening + command(name, rare_), is_there(name + "/metrics.jsonl"), name);
    EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("asked to stop: saved at step "));
    ASSERT_EQ(train(1, name, rare_).code, 0);
    expect_equal_bits("whole", name, 60);
  }
}

TEST_F(Interruption, RunUnderNohupDoesNotHearThatItsTerminalIsGone) {
  const test::Outcome outcome = signal(command("run", "--run.steps 20"),
                                       is_there("run/metrics.jsonl"), "HUP", "trap '' HUP\n");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST_F(Interruption, SignalIsHeardInTheFinalEvaluation) {
  for (const int ranks : {1, 2}) {
    SCOPED_TRACE(ranks);
    const std::string output = "run" + std::to_string(ranks);
    // Open MPI passes this one on.
    const test::Outcome outcome = signal(command(output, "--run.steps 5 " + endless_, ranks),
                                         is_there(output + "/report.html"), "USR1");
    EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("asked to stop: saved at step 5;"));
    EXPECT_FALSE(fs::exists(folder_ / (output + "/evaluation.json")));
    const test::Outcome again = train(ranks, output, "--run.steps 5");
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_TRUE(fs::exists(folder_ / (output + "/evaluation.json")));
  }
}

TEST_F(Interruption, SignalInAnEvaluationOnTheWaySavesTheStateThatTrainingLeft) {
  const std::string steps = "--run.steps 10 --checkpoint.every 1000 --report.grid-every 1000 ";
  ASSERT_EQ(train(2, "whole", steps).code, 0);
  // The evaluation begins after the report of its step.
  const std::string has_begun = "[[ $(grep -c . " +
                                test::shell_word(folder_ / "run/metrics.jsonl") +
                                " 2>/dev/null) -ge 3 ]]";
  const test::Outcome outcome =
      signal(command("run", steps + endless_ + "--eval.every 3", 2), has_begun, "USR1");
  EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("asked to stop: saved at step 3;"));
  ASSERT_EQ(train(2, "run", steps).code, 0);
  expect_equal_bits("whole", "run", 10);
}

TEST_F(Interruption, ReaderThatGoesAwayEndsNothing) {
  const test::Outcome outcome =
      run_script("{ " + command("run", "--run.steps 40") + " 2>&1; echo $? >" +
                 test::shell_word(folder_ / "code") + "; } | head -n 1\n");
  EXPECT_THAT(outcome.out, Not(HasSubstr("report: ")));
  EXPECT_EQ(test::read_file(folder_ / "code"), "0\n");
  EXPECT_TRUE(fs::exists(folder_ / "run/evaluation.json"));
  EXPECT_TRUE(fs::exists(folder_ / "run/checkpoints/step-00000040"));
}

TEST_F(Interruption, SecondRunInAFolderIsRefusedAndADeadOnesPlaceIsTaken) {
  const test::Outcome outcome =
      run_script(command("run", "--run.steps 100000") + " >/dev/null 2>&1 &\nchild=$!\n" +
                 until(is_there("run/checkpoints/step-00000005/manifest.json")) +
                 command("run", "--run.steps 100000") +
                 "\ncode=$?\nkill -0 $child || code=first-ended\nkill -KILL $child\nwait "
                 "$child\necho $code\n");
  EXPECT_THAT(outcome.out, HasSubstr("2\n")) << outcome.out;
  EXPECT_THAT(outcome.err, HasSubstr("error: " + (folder_ / "run") +
                                     " is in use by a run of bbg_dist, process "));
  const std::string lines = metrics("run");
  const auto first = nlohmann::json::parse(lines.substr(0, lines.find('\n')));
  EXPECT_EQ(first["step"], 1);
  EXPECT_EQ(lines.find(lines.substr(0, lines.find('\n')), 1), std::string::npos);

  const test::Outcome next = train(1, "run", "--run.steps 10");
  EXPECT_EQ(next.code, 0) << next.err;
  EXPECT_THAT(next.err, HasSubstr("over from a run of bbg_dist, process "));
  EXPECT_FALSE(fs::exists(folder_ / "run/.owner.json"));
}

}  // namespace
}  // namespace bbg
