// The promises about training, with the real program: the same run on any number of ranks, exact
// resume, nothing lost by a kill.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>
#include <tuple>

#include "checkpoint/store.h"
#include "core/error.h"
#include "tests/support/hollow_data_set.h"
#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;

class Training : public test::BbgDist {
 protected:
  // A run on two ranks, `whole`, and one that stops half-way and goes on, `parts`.
  void expect_resumes_bit_for_bit(const std::string& options, int steps) {
    const auto run = [&](const std::string& output, int to) {
      const test::Outcome outcome =
          train(2, output, options + " --run.steps " + std::to_string(to));
      ASSERT_EQ(outcome.code, 0) << outcome.err;
    };
    run("whole", steps);
    run("parts", steps / 2);
    run("parts", steps);
    expect_equal_bits("whole", "parts", steps);
  }
};

TEST_F(Training, OneTwoAndFourRanksSeeTheSameSamplesAndEndWithTheSameNetworks) {
  for (const auto& [loss, d_norm] :
       {std::pair<std::string, std::string>{"logistic", "bn"}, {"hinge", "sn"}}) {
    SCOPED_TRACE(loss + " " + d_norm);
    write_config(loss, d_norm);
    for (const int ranks : {1, 2, 4}) {
      const std::string output = loss + std::to_string(ranks);
      const test::Outcome outcome =
          train(ranks, output, "--compute.dtype float64 --checkpoint.every 1000");
      ASSERT_EQ(outcome.code, 0) << outcome.err;
    }
    const std::string one = samples(loss + "1");
    EXPECT_EQ(std::count(one.begin(), one.end(), '\n'), 20);
    // A step and 3 batches of 64 ids a line.
    EXPECT_EQ(std::count(one.begin(), one.end(), ' '), 20 * 3 * 64);
    const auto expected = state(loss + "1", 20);
    for (const std::string ranks : {"2", "4"}) {
      EXPECT_EQ(samples(loss + ranks), one);
      const auto found = state(loss + ranks, 20);
      ASSERT_EQ(found.size(), expected.size());
      for (const auto& [name, tensor] : expected) {
        // float64: sums in another order, amplified by 20 steps of Adam.
        EXPECT_TRUE(at::allclose(found.at(name), tensor, 1e-9, 1e-9))
            << name << " differs by " << (found.at(name) - tensor).abs().max().item<double>();
      }
    }
  }
}

TEST_F(Training, TimelineHoldsThePartsOfAStepAndChangesNothing) {
  ASSERT_EQ(train(2, "plain").code, 0);
  const test::Outcome outcome = train(2, "traced", "--report.trace-steps 2");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, ::testing::HasSubstr("timeline: "));
  EXPECT_THAT(outcome.err, ::testing::Not(::testing::HasSubstr("ERROR")));
  expect_equal_bits("plain", "traced", 20);
  for (const std::string rank : {"0", "1"}) {
    SCOPED_TRACE(rank);
    const auto trace = nlohmann::json::parse(
        test::read_file(folder_ / ("traced/trace-rank-" + rank + ".json")), nullptr, false);
    ASSERT_TRUE(trace.is_object());
    std::map<std::string, int> count;
    for (const auto& event : trace["traceEvents"]) {
      if (event.value("ph", "") == "X") ++count[event.value("name", "")];
    }
    // Two steps of two updates of D and one of G and E, each of which reads a batch.
    EXPECT_EQ(count["update of D"], 4);
    EXPECT_EQ(count["update of G and E"], 2);
    EXPECT_EQ(count["data"], 6);
    EXPECT_EQ(count["averages"], 2);
    EXPECT_EQ(count["backward"], 6);
    EXPECT_EQ(count["exchange"], 4 + 2 * 2);
    EXPECT_EQ(count["optimizer"], 4 + 2 * 2);
    EXPECT_GE(count["mpi all_reduce"], count["exchange"]);
  }
  EXPECT_FALSE(fs::exists(folder_ / "plain/trace-rank-0.json"));
}

TEST_F(Training, RepeatedRunGivesEqualBits) {
  ASSERT_EQ(train(2, "first").code, 0);
  ASSERT_EQ(train(2, "second").code, 0);
  expect_equal_bits("first", "second", 20);
}

TEST_F(Training, ResumedRunRepeatsTheUninterruptedOneBitForBit) {
  for (const int ranks : {1, 2}) {
    SCOPED_TRACE(ranks);
    const std::string whole = "whole" + std::to_string(ranks);
    const std::string parts = "parts" + std::to_string(ranks);
    ASSERT_EQ(train(ranks, whole, "--run.steps 40").code, 0);
    ASSERT_EQ(train(ranks, parts, "--run.steps 20").code, 0);
    const test::Outcome outcome = train(ranks, parts, "--run.steps 40");
    ASSERT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.err, ::testing::HasSubstr("step-00000020"));
    expect_equal_bits(whole, parts, 40);
  }
}

TEST_F(Training, PortionsHaveTheSameSamplesOnAnyNumberOfRanksAndBucketsByMeasurementAreKept) {
  const std::string portions = "--train.accumulate 4 --run.steps ";
  ASSERT_EQ(train(1, "one", portions + "6").code, 0);
  const std::string buckets = " --comm.exchange background --comm.bucket-bytes -1";
  const test::Outcome whole = train(2, "two", portions + "6" + buckets);
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_THAT(whole.err + whole.out, ::testing::HasSubstr("MiB, by measurement"));
  EXPECT_EQ(samples("one"), samples("two"));

  ASSERT_EQ(train(2, "broken", portions + "5" + buckets).code, 0);
  const test::Outcome resumed = train(2, "broken", portions + "6" + buckets);
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.err + resumed.out, ::testing::HasSubstr("MiB, as the checkpoint says"));
  expect_equal_bits("two", "broken", 6);
}

// One that shares its optimizer out goes on, and goes on without shares with another
// number of ranks, as if it had never stopped.
TEST_F(Training, SharedOptimizerIsSavedWhole) {
  const std::string shared = "--comm.shard-optimizer true --compute.dtype float64";
  expect_resumes_bit_for_bit(shared + " --comm.exchange background", 20);

  ASSERT_EQ(train(4, "fewer-ranks", shared + " --run.steps 10").code, 0);
  ASSERT_EQ(train(1, "fewer-ranks", "--compute.dtype float64 --run.steps 20").code, 0);
  EXPECT_EQ(samples("whole"), samples("fewer-ranks"));
  const auto expected = state("whole", 20), found = state("fewer-ranks", 20);
  for (const auto& [name, tensor] : expected) {
    EXPECT_TRUE(at::allclose(found.at(name), tensor, 1e-9, 1e-9)) << name;
  }
}

TEST_F(Training, NormsOfGroupsResumeBitForBit) {
  expect_resumes_bit_for_bit("--train.norm-group 1 --train.replica-check-every 1", 10);
  const test::Outcome outcome = train(2, "odd", "--train.norm-group 3");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, ::testing::HasSubstr("train.norm-group = 3 does not divide"));
}

TEST_F(Training, Bfloat16RepeatsAndResumesBitForBit) {
  expect_resumes_bit_for_bit("--train.precision bfloat16", 10);
  for (const auto& [name, tensor] : state("whole", 10))
    EXPECT_EQ(tensor.scalar_type(), at::kFloat) << name;
  // A run may change to it and back.
  EXPECT_EQ(train(2, "parts", "--run.steps 12").code, 0);
  const test::Outcome refused =
      train(1, "wide", "--train.precision bfloat16 --compute.dtype float64");
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, ::testing::HasSubstr("train.precision = bfloat16 does not fit"));
}

// The systems that BiGAN is compared with, one of which has no D: exact resume, the losses that
// they have, and the measures of their encoder.
TEST_F(Training, BaselinesOfBiganResumeBitForBitAndAreMeasured) {
  for (const auto& [system, cost, more] :
       {std::tuple<std::string, std::string, std::string>{"autoencoder", "loss_ge_reconstruction",
                                                          "--loss.reconstruction l1"},
        {"latent-regressor", "loss_ge_latent", "--loss.latent-to-g 0.25"}}) {
    SCOPED_TRACE(system);
    const std::string options =
        "--model.system " + system + " --model.e-stochastic false " + more + " --run.steps ";
    const std::string whole = system + "-whole", parts = system + "-parts";
    ASSERT_EQ(train(2, whole, options + "20").code, 0);
    ASSERT_EQ(train(2, parts, options + "10").code, 0);
    ASSERT_EQ(train(2, parts, options + "20").code, 0);
    expect_equal_bits(whole, parts, 20);

    const bool has_d = system != "autoencoder";
    const auto line = nlohmann::json::parse(metrics(whole).substr(0, metrics(whole).find('\n')));
    EXPECT_TRUE(line.contains(cost)) << line;
    EXPECT_EQ(line.contains("loss_d"), has_d) << line;
    EXPECT_EQ(line.contains("loss_ge_x"), has_d) << line;
    EXPECT_EQ(line["images"], (has_d ? 3 : 1) * 64);
    const auto evaluation =
        nlohmann::json::parse(test::read_file(folder_ / (whole + "/evaluation.json")));
    for (const std::string group : {"linear_probe", "nearest_neighbour", "reconstruction"}) {
      EXPECT_TRUE(evaluation.contains(group)) << group;
    }
    // Another cost is another run.
    const test::Outcome other =
        train(2, whole, "--model.system " + system + " --model.e-stochastic false --run.steps 30");
    test::expect_one_line(other, 2, "error: ", "is of another run: loss.");
  }
}

// A GAN has no E; its D's features can be measured, and measuring leaves the checkpoint as it was.
TEST_F(Training, FeaturesOfDAreMeasuredWhereTheyAreAskedFor) {
  const std::string gan = "--model.system gan --run.steps 5";
  ASSERT_EQ(train(2, "run", gan).code, 0);
  const auto before = state("run", 5);
  const auto evaluation = [&] {
    return nlohmann::json::parse(test::read_file(folder_ / "run/evaluation.json"));
  };
  EXPECT_FALSE(evaluation().contains("linear_probe"));
  ASSERT_EQ(train(2, "run", gan + " --eval.network d").code, 0);
  const auto of_d = evaluation();
  for (const std::string group : {"linear_probe", "nearest_neighbour"}) {
    for (const std::string of : {"trained", "untrained", "pixels"}) {
      const double accuracy = of_d.at(group).at(of);
      EXPECT_GT(accuracy, 0) << group << " " << of;
      EXPECT_LE(accuracy, 1) << group << " " << of;
    }
  }
  EXPECT_EQ(of_d["protocol"]["feature"], "of D as trained, not averaged");
  EXPECT_FALSE(of_d.contains("reconstruction"));
  const auto after = state("run", 5);
  for (const auto& [name, tensor] : before) EXPECT_TRUE(at::equal(after.at(name), tensor)) << name;

  // With E in the system, the two networks are told apart where the task is not too easy.
  const std::string few = "--run.steps 5 --eval.neighbours-train 8";
  ASSERT_EQ(train(1, "both", few).code, 0);
  const auto both = nlohmann::json::parse(test::read_file(folder_ / "both/evaluation.json"));
  ASSERT_EQ(train(1, "both", few + " --eval.network d").code, 0);
  const auto other = nlohmann::json::parse(test::read_file(folder_ / "both/evaluation.json"));
  EXPECT_NE(both["nearest_neighbour"], other["nearest_neighbour"]);
  EXPECT_EQ(both["linear_probe"]["pixels"], other["linear_probe"]["pixels"]);
  EXPECT_EQ(both["reconstruction"], other["reconstruction"]);
}

// Where the probe has read more images than the neighbours need, theirs are not encoded again.
TEST_F(Training, NeighboursAreTheSameWhetherOrNotTheProbeHasReadTheirImages) {
  const auto measured = [&](int ranks, const std::string& feature, const std::string& probe) {
    const test::Outcome outcome =
        train(ranks, "run",
              "--run.steps 5 --eval.neighbours-train 150 --eval.neighbours-test 30"
              " --eval.feature " +
                  feature + probe);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(test::read_file(folder_ / "run/evaluation.json"));
  };
  for (const int ranks : {1, 2}) {
    // The probe's training images are those that give bn-crelu its statistics.
    for (const auto& [feature, first_options, second_options] :
         {std::tuple<std::string, std::string, std::string>{"average", " --eval.probe-train 100",
                                                            " --eval.probe-train 200"},
          {"bn-crelu", " --eval.probe-train 200", " --eval.probe-train 200"}}) {
      SCOPED_TRACE(feature);
      const auto anew = measured(ranks, feature, first_options + " --eval.probe-test 20");
      const auto reused = measured(ranks, feature, second_options + " --eval.probe-test 42");
      EXPECT_EQ(anew["nearest_neighbour"], reused["nearest_neighbour"]);
      EXPECT_EQ(anew["protocol"]["nearest_neighbour"],
                "1-NN, Euclidean, 150 training and 30 test images");
      EXPECT_NE(anew["protocol"]["linear_probe"], reused["protocol"]["linear_probe"]);
    }
  }
}

TEST_F(Training, RunContinuesWithAnotherNumberOfRanks) {
  ASSERT_EQ(train(1, "whole", "--run.steps 40 --compute.dtype float64").code, 0);
  ASSERT_EQ(train(4, "parts", "--run.steps 20 --compute.dtype float64").code, 0);
  ASSERT_EQ(train(2, "parts", "--run.steps 40 --compute.dtype float64").code, 0);
  EXPECT_EQ(samples("whole"), samples("parts"));
  const auto expected = state("whole", 40), found = state("parts", 40);
  for (const auto& [name, tensor] : expected) {
    EXPECT_TRUE(at::allclose(found.at(name), tensor, 1e-8, 1e-8)) << name;  // 40 steps, as above
  }
}

// Kills the whole process group, launcher and ranks, without a warning.
TEST_F(Training, KilledRunLosesNothing) {
  ASSERT_EQ(train(2, "whole", "--run.steps 40").code, 0);
  int kills = 0;
  for (const int64_t lines : {3, 12, 23}) {
    const std::string command = "exec " + train_command(2, "killed", "--run.steps 40");
    const pid_t child = fork();
    if (child == 0) {
      setpgid(0, 0);
      const int nowhere = open("/dev/null", O_RDWR);
      for (const int standard : {0, 1, 2}) dup2(nowhere, standard);
      execl("/bin/bash", "bash", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    setpgid(child, child);
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
      const std::string log = test::read_file(folder_ / "killed/metrics.jsonl");
      if (std::count(log.begin(), log.end(), '\n') >= lines) {
        kill(-child, SIGKILL);
        ++kills;
        waitpid(child, &status, 0);
        break;
      }
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "the run does not advance";
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    // Open MPI puts each rank into a process group of its own. The brackets keep the pattern from
    // finding the command that looks for it.
    const std::string pattern = test::shell_word(folder_ / "[k]illed");
    const std::string gone = "while pkill -KILL -f " + pattern + "; do sleep 0.05; done";
    ASSERT_EQ(std::system(gone.c_str()), 0);
  }
  EXPECT_EQ(kills, 3) << "the run ended before it could be killed";
  const test::Outcome outcome = train(2, "killed", "--run.steps 40");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  expect_equal_bits("whole", "killed", 40);
}

// A signal to the launcher, as a batch system or Ctrl-C sends it: the step is finished and saved,
// the code is one that a restart understands, and nothing is run twice. Open MPI passes SIGUSR1 on.
TEST_F(Training, SignalledRunSavesAndGoesOn) {
  for (const auto& [ranks, number] : {std::pair<int, int>{1, SIGTERM}, {2, SIGUSR1}}) {
    SCOPED_TRACE(ranks);
    const std::string whole = "whole" + std::to_string(ranks);
    const std::string stopped = "stopped" + std::to_string(ranks);
    const std::string rare = "--run.steps 60 --checkpoint.every 1000 --report.grid-every 60";
    ASSERT_EQ(train(ranks, whole, rare).code, 0);
    const std::string command =
        (ranks > 1 ? "mpirun --quiet -np 2 --oversubscribe --bind-to none " : "") +
        test::program("bbg_dist") + " --config " + test::shell_word(config_) + " --run.output " +
        test::shell_word(folder_ / stopped) + " " + rare;
    test::write_file(folder_ / "stop.sh",
                     "source " + test::shell_word(std::string(BBG_SOURCE_DIR) + "/launch/env.sh") +
                         "\n" + command + " &\nchild=$!\nuntil [[ -s " +
                         test::shell_word(folder_ / (stopped + "/metrics.jsonl")) +
                         " ]] || ! kill -0 $child; do sleep 0.01; done\nkill -" +
                         std::to_string(number) + " $child\nwait $child\n");
    const test::Outcome outcome =
        test::run_command(folder_, "bash " + test::shell_word(folder_ / "stop.sh"));
    EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
    EXPECT_THAT(outcome.err, ::testing::HasSubstr("asked to stop: saved at step "));
    ASSERT_EQ(train(ranks, stopped, rare).code, 0);
    expect_equal_bits(whole, stopped, 60);
  }
}

// Rates that throw any network off: the run ends before it saves what is no longer a number.
TEST_F(Training, DivergedRunStopsAndKeepsItsLastWholeCheckpoint) {
  ASSERT_EQ(train(2, "run", "--run.steps 5").code, 0);
  const test::Outcome outcome =
      train(2, "run", "--run.steps 60 --train.lr-d 1e38 --train.lr-g 1e38 --train.lr-e 1e38");
  test::expect_ends_with_error(outcome, 1, "error: the run diverged: loss_");
  for (const auto& entry : fs::directory_iterator(folder_ / "run/checkpoints")) {
    const std::string name = entry.path().filename();
    const auto saved = state("run", std::stoi(name.substr(5)));
    for (const auto& [tensor, values] : saved) {
      EXPECT_TRUE(at::isfinite(values).all().item<bool>()) << name << " " << tensor;
    }
  }
}

// Rates of 1e38, which going back makes 1e-3.
const std::string kGoesBack =
    "--train.lr-d 1e38 --train.lr-g 1e38 --train.lr-e 1e38 --train.watch rollback "
    "--train.rollback-factor 1e-41 ";

TEST_F(Training, DivergedRunGoesBackWithSmallerRatesAndOtherSamples) {
  const test::Outcome outcome = train(2, "run", kGoesBack);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, ::testing::HasSubstr("the run diverges: loss_"));
  EXPECT_THAT(outcome.err, ::testing::HasSubstr("; rollback 1, with smaller rates"));
  EXPECT_THAT(outcome.err, ::testing::HasSubstr("went back to "));
  for (const auto& [name, values] : state("run", 20)) {
    EXPECT_TRUE(at::isfinite(values).all().item<bool>()) << name;
  }
  // The reports begin again where the run did.
  std::istringstream lines(metrics("run"));
  int64_t step = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto fields = nlohmann::json::parse(line);
    EXPECT_EQ(fields.at("step"), ++step);
    EXPECT_EQ(fields.at("rollbacks"), 1);
    EXPECT_TRUE(fields.at("loss_d").is_number());
    EXPECT_GT(fields.at("grad_norm_d").get<double>(), 0);
  }
  EXPECT_EQ(step, 20);
  ASSERT_EQ(train(2, "usual").code, 0);
  const std::string found = samples("run"), usual = samples("usual");
  EXPECT_EQ(std::count(found.begin(), found.end(), '\n'), 20);
  EXPECT_NE(found.substr(0, found.find('\n')), usual.substr(0, usual.find('\n')));
}

// How often it went back and the rates are in the checkpoint; and a run that loses the checkpoints
// since then comes to the same decision again.
TEST_F(Training, RunThatWentBackResumesBitForBit) {
  ASSERT_EQ(train(2, "whole", kGoesBack).code, 0);
  ASSERT_EQ(train(2, "parts", kGoesBack + "--run.steps 10").code, 0);
  const test::Outcome second = train(2, "parts", kGoesBack);
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_THAT(second.err, ::testing::Not(::testing::HasSubstr("diverges")));
  expect_equal_bits("whole", "parts", 20);

  ASSERT_EQ(train(2, "again", kGoesBack + "--run.steps 5").code, 0);
  fs::remove_all(folder_ / "again/checkpoints/step-00000005");
  const test::Outcome repeated = train(2, "again", kGoesBack);
  ASSERT_EQ(repeated.code, 0) << repeated.err;
  EXPECT_THAT(repeated.err, ::testing::HasSubstr("diverges"));
  expect_equal_bits("whole", "again", 20);
}

TEST_F(Training, RunThatDivergesAgainAndAgainEndsAfterItsRollbacks) {
  const test::Outcome outcome =
      train(2, "run", kGoesBack + "--train.rollback-factor 0.5 --train.rollbacks 2 --run.steps 40");
  test::expect_ends_with_error(outcome, 1,
                               "error: the run diverged again after 2 rollback(s): loss_");
  EXPECT_THAT(outcome.err, ::testing::HasSubstr("; rollback 2,"));
  EXPECT_THAT(outcome.err, ::testing::Not(::testing::HasSubstr("; rollback 3,")));
}

// The loss is that of before the update, so it does not show what the update has made.
TEST_F(Training, StateThatIsNotFiniteIsNeverSavedAndTheRunGoesOnFromTheOneBefore) {
  ASSERT_EQ(train(2, "run", "--run.steps 5").code, 0);
  for (const std::string sharing : {"false", "true"}) {
    const test::Outcome broken =
        train(2, "run", "--run.steps 6 --train.lr-g 1e39 --comm.shard-optimizer " + sharing);
    test::expect_ends_with_error(
        broken, 1,
        "error: the run diverged: weights or Adam's moments are not finite "
        "after step 6");
    EXPECT_FALSE(fs::exists(folder_ / "run/checkpoints/step-00000006"));
  }
  const test::Outcome mended = train(2, "run", "--run.steps 6");
  EXPECT_EQ(mended.code, 0) << mended.err;
  EXPECT_THAT(mended.err, ::testing::HasSubstr("step-00000005"));
}

// As an older version may have left one.
TEST_F(Training, SavedStateThatIsNotFiniteIsPassedOver) {
  ASSERT_EQ(train(1, "run", "--run.steps 10").code, 0);
  const auto files = core::make_posix_file_system();
  checkpoint::Store store(*files, folder_ / "run/checkpoints", 5);
  core::StateDict state = store.load_newest(nullptr)->state;
  state.tensors[0].second.fill_(std::nan(""));
  store.save(state, 11);
  const test::Outcome outcome = train(1, "run", "--run.steps 12");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, ::testing::HasSubstr("step-00000011: G."));
  EXPECT_THAT(outcome.err, ::testing::HasSubstr(" is not finite"));
  EXPECT_THAT(outcome.err, ::testing::HasSubstr("resumed from"));
  EXPECT_EQ(metrics("run").find("null"), std::string::npos);
}

int64_t count_of(const std::string& text, const std::string& word) {
  int64_t count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST_F(Training, DiscriminatorThatLearnsNothingOrHasWonIsToldOnce) {
  const test::Outcome learns_nothing =
      train(2, "nothing", "--train.lr-d 1e-12 --train.watch-window 5 --run.steps 40");
  EXPECT_EQ(learns_nothing.code, 0) << learns_nothing.err;
  EXPECT_EQ(count_of(learns_nothing.err, "D tells nothing apart: its loss was at chance"), 1)
      << learns_nothing.err;
  const std::string wins =
      "--train.lr-g 1e-12 --train.lr-e 1e-12 --train.lr-d 1e-2 --train.decay-steps 0 "
      "--train.watch-window 3 --run.steps 25 ";
  const test::Outcome has_won = train(2, "won", wins);
  EXPECT_EQ(has_won.code, 0) << has_won.err;
  EXPECT_EQ(count_of(has_won.err, "D has won: loss_d_"), 1) << has_won.err;
  test::expect_ends_with_error(train(2, "ends", wins + "--train.watch stop"), 1,
                               "error: the run diverged: D has won");
  EXPECT_EQ(train(1, "silent", wins + "--train.watch off").err.find("diverge"), std::string::npos);
}

TEST_F(Training, LeavesTheRunFolderThatIsPromised) {
  ASSERT_EQ(train(2, "run").code, 0);
  for (const std::string name :
       {"config.ini", "metrics.jsonl", "metrics.prom", "samples.log", "evaluation.json",
        "report.html", "checkpoints/step-00000020/state.safetensors",
        "checkpoints/step-00000020/manifest.json", "grids/samples-00000020.png",
        "grids/reconstructions-00000020.png"}) {
    EXPECT_TRUE(fs::is_regular_file(folder_ / ("run/" + name))) << name;
  }
  std::vector<std::string> checkpoints;
  for (const auto& entry : fs::directory_iterator(folder_ / "run/checkpoints")) {
    checkpoints.push_back(entry.path().filename());
  }
  EXPECT_THAT(checkpoints, ::testing::UnorderedElementsAre("step-00000015", "step-00000020"));
  const auto evaluation = nlohmann::json::parse(test::read_file(folder_ / "run/evaluation.json"));
  for (const std::string group : {"linear_probe", "nearest_neighbour"}) {
    for (const std::string of : {"trained", "untrained", "pixels"}) {
      const double accuracy = evaluation.at(group).at(of);
      EXPECT_GT(accuracy, 0) << group << " " << of;
      EXPECT_LE(accuracy, 1) << group << " " << of;
    }
  }
  const auto& reconstruction = evaluation.at("reconstruction");
  EXPECT_DOUBLE_EQ(
      reconstruction.at("ratio").get<double>(),
      reconstruction.at("error").get<double>() / reconstruction.at("error_random").get<double>());
  EXPECT_TRUE(evaluation.at("protocol").is_object());

  const auto line = nlohmann::json::parse(metrics("run").substr(0, metrics("run").find('\n')));
  for (const std::string field :
       {"step", "images", "loss_d", "loss_d_x", "loss_d_z", "loss_d_xz", "loss_ge", "loss_ge_x",
        "loss_ge_z", "loss_ge_xz", "grad_norm_d", "grad_norm_g", "grad_norm_e"}) {
    EXPECT_TRUE(line.contains(field)) << field;
  }
  EXPECT_EQ(line["images"], 3 * 64);

  // The effective configuration starts the same run again: it finds itself complete.
  const test::Outcome again =
      test::run_command(folder_, test::program("bbg_dist") + " --config " +
                                     test::shell_word(folder_ / "run/config.ini"));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.err, ::testing::HasSubstr("complete at step 20"));
}

// Wheel and distribution may both offer NCCL; only one may be in the process, the one built
// against.
TEST_F(Training, ProgramsLoadNcclAtMostOnce) {
  const test::Outcome libraries =
      test::run_command(folder_, "ldd " + test::program("bbg_dist") + " | grep -c libnccl");
  const test::Outcome version =
      test::run_command(folder_, test::program("bbg_dist") + " --version --json");
  const auto facts = nlohmann::json::parse(version.out);
  EXPECT_EQ(facts["torch"], "2.11.0");
#ifdef BBG_CUDA
  EXPECT_EQ(libraries.out, "1\n");
  EXPECT_EQ(facts["nccl"], "2.28.9");
#else
  EXPECT_EQ(libraries.out, "0\n");
  EXPECT_EQ(facts["nccl"], "");
#endif
}

// The page is made from the table of options: bbg_dist options --markdown > docs/options.md.
TEST_F(Training, OptionsPageIsCurrent) {
  const test::Outcome page =
      test::run_command(folder_, test::program("bbg_dist") + " options --markdown");
  EXPECT_EQ(page.code, 0);
  EXPECT_TRUE(page.out == test::read_file(std::string(BBG_SOURCE_DIR) + "/docs/options.md"))
      << "docs/options.md is stale; make it anew: bbg_dist options --markdown > docs/options.md";
}

TEST_F(Training, ProgramExplainsItself) {
  const test::Outcome help = test::run_command(folder_, test::program("bbg_dist") + " --help");
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, ::testing::HasSubstr("--train.lr-g"));
  EXPECT_EQ(help.err, "");
  std::istringstream lines(help.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 110u) << line;
}

// Files that other programs read, each with its own reader: read_run.py.
class Readers : public test::BbgDist {
 protected:
  void expect_read(const std::string& what) {
    const char* python = std::getenv("BBG_PYTHON");
    if (python == nullptr || *python == '\0') {
      GTEST_SKIP() << "BBG_PYTHON names no Python (launch/setup --with-tests installs one)";
    }
    ASSERT_EQ(train(2, "run", "--run.steps 10").code, 0);
    ASSERT_EQ(train(2, "run", "--run.steps 20").code, 0);  // two event files
    const test::Outcome outcome = test::run_command(
        folder_, test::shell_word(python) + " -B " +
                     test::shell_word(std::string(BBG_SOURCE_DIR) + "/tests/system/read_run.py") +
                     " " + what + " " + test::shell_word(folder_ / "run"));
    if (outcome.code == 77) GTEST_SKIP() << outcome.err;
    EXPECT_EQ(outcome.code, 0) << outcome.out << outcome.err;
  }
};

TEST_F(Readers, PythonOpensTheSafetensors) { expect_read("safetensors"); }
TEST_F(Readers, TensorboardReadsTheEvents) { expect_read("tensorboard"); }
TEST_F(Readers, ChromiumRendersTheReportWithoutANetwork) { expect_read("chromium"); }

// Bytes of the largest process so far among those that have ended.
int64_t largest_process() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return usage.ru_maxrss * 1024;
}

TEST_F(Training, OfAHugeDataSetTakesNoMoreMemoryThanOfASmallOne) {
  const std::string test_set = test::write_hollow_data_set(folder_ / "test", 2'000, 16);
  const auto train_on = [&](const std::string& name, int64_t samples) {
    const std::string set = test::write_hollow_data_set(folder_ / name, samples, 16);
    const test::Outcome outcome =
        train(2, name + "-run",
              "--data.verify false --eval.reference-images 1000 --data.shards " +
                  test::shell_word(set) + " --data.test-shards " + test::shell_word(test_set));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return largest_process();
  };
  const int64_t of_small = train_on("small", 10'000), of_both = train_on("huge", 1'000'000'000);
  EXPECT_GT(of_small, 50 << 20);
  EXPECT_LT(of_both - of_small, 20 << 20);
}

}  // namespace
}  // namespace bbg
