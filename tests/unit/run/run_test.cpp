// The verbs of a run on one rank without MPI: a tiny GAN with an encoder, a folder, a few images.
#include "run/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "core/rng.h"
#include "run/run_on_all_ranks.h"
#include "run/train_loop.h"
#include "tests/support/data_set_writer.h"
#include "tests/support/temporary_folder.h"

namespace bbg::run {
namespace {

using ::testing::HasSubstr;
using Tensors = std::vector<at::Tensor>;
using TrainingRun = Run;  // inside a test, GoogleTest has a Run of its own

constexpr int64_t kImages = 24, kSide = 16;

void write_images(const std::string& folder) {
  test::DataSetWriter writer({.folder = folder,
                              .height = kSide,
                              .width = kSide,
                              .channels = 1,
                              .class_names = {},
                              .source = "a test"});
  core::RandomStream random(1, core::Purpose::kEvaluate, 0, 0);
  std::vector<uint8_t> pixels(kSide * kSide);
  for (int64_t i = 0; i < kImages; ++i) {
    for (uint8_t& value : pixels) value = static_cast<uint8_t>(random.next_uint32());
    writer.add(pixels, -1);
  }
  writer.close();
}

class RunVerbs : public ::testing::Test {
 protected:
  RunVerbs() { write_images(folder_ / "data"); }

  // A run of four steps that reports, saves and draws nothing before its end.
  std::unique_ptr<RunConfig> config(const std::string& name) {
    auto config = std::make_unique<RunConfig>();
    config->run.output = folder_ / name;
    config->run.steps = 4;
    config->data.shards = folder_ / "data";
    config->data.batch = 4;
    config->model.block = model::Block::kStrided;
    config->model.resolution = kSide;
    config->model.channels = 1;
    config->model.z_dim = 4;
    config->model.width = config->model.e_width = 2;
    config->model.h_width = config->model.j_width = config->model.e_head_width = 4;
    config->train.d_steps = 1;
    config->train.ema_start = 2;
    config->evaluate.standing_passes = 2;
    config->evaluate.samples = 4;
    config->evaluate.batch = 4;
    config->compute.device = Device::kCpu;
    config->compute.threads = 1;
    return config;
  }
  std::unique_ptr<TrainingRun> start(const RunConfig& config) {
    return std::make_unique<TrainingRun>(config, alone_, log_);
  }
  static Tensors tensors_of(const TrainingRun& run) {
    Tensors all;
    for (const auto& entry : run.state().replicas()) all.push_back(entry.tensor.detach().clone());
    return all;
  }
  static void expect_equal(const Tensors& found, const Tensors& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(at::equal(found[i], expected[i])) << i;
  }
  bool has_checkpoint(const std::string& name, int64_t step) {
    return std::filesystem::exists(folder_ / (name + "/checkpoints/step-0000000") +
                                   std::to_string(step));
  }
  static int exit_code_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const JobEnd& end) {
      return end.exit_code;
    }
    return core::kExitSuccess;
  }

  test::TemporaryFolder folder_;
  comm::SelfCommunicator alone_;
  core::Log log_{0, 1, /*speaks=*/false};
};

TEST_F(RunVerbs, StepMovesTheNetworksAndKnowsWhatIsDue) {
  const auto options = config("run");
  options->report.every = options->report.grid_every = 2;
  const auto run = start(*options);
  const Tensors before = tensors_of(*run);
  run->step();
  EXPECT_EQ(run->progress().step, 1);
  EXPECT_FALSE(at::equal(tensors_of(*run)[0], before[0]));
  EXPECT_FALSE(run->due().report || run->due().grids);
  run->step();
  EXPECT_TRUE(run->due().report && run->due().grids);
  EXPECT_FALSE(run->due().save || run->is_over());
  run->watch();
  run->report();
  run->draw_grids();
  EXPECT_THAT(test::read_file(options->run.output + "/metrics.jsonl"),
              HasSubstr(R"({"step":2,"images":16,)"));
  EXPECT_TRUE(std::filesystem::exists(options->run.output + "/grids/samples-00000002.png"));
}

TEST_F(RunVerbs, ResumedRunEqualsOneThatNeverStopped) {
  const auto whole_options = config("whole"), options = config("run");
  const auto whole = start(*whole_options);
  while (!whole->is_over()) whole->step();

  auto run = start(*options);
  run->step();
  run->step();
  run->save();
  run->step();  // is lost
  run.reset();
  run = start(*options);
  EXPECT_EQ(run->progress().step, 2);
  while (!run->is_over()) run->step();
  expect_equal(tensors_of(*run), tensors_of(*whole));
}

TEST_F(RunVerbs, SignalEndsTheRunAfterItsStepWithTheStateSaved) {
  const auto options = config("run");
  auto run = start(*options);
  std::raise(SIGUSR1);
  run->step();
  EXPECT_TRUE(run->due().save && run->due().leave);
  run.reset();

  EXPECT_EQ(exit_code_of([&] {
              const auto again = start(*options);
              std::raise(SIGTERM);
              again->step();
              again->watch();
              again->save();
              again->leave();
            }),
            core::kExitRestart);
  EXPECT_TRUE(has_checkpoint("run", 1));
}

TEST_F(RunVerbs, EvaluationThatIsAskedToStopSavesTheStateAsTrainingHadIt) {
  const auto options = config("run");
  options->evaluate.every = 1;
  Tensors trained;
  for (const bool is_evaluation : {true, false}) {
    EXPECT_EQ(exit_code_of([&] {
                const auto run = start(*options);
                run->step();
                trained = tensors_of(*run);
                std::raise(SIGUSR1);
                if (is_evaluation) {
                  run->evaluate();
                } else {
                  run->draw_grids();
                }
              }),
              core::kExitRestart);
    const auto run = start(*options);
    expect_equal(tensors_of(*run), trained);
  }
  EXPECT_TRUE(has_checkpoint("run", 1) && has_checkpoint("run", 2));
}

TEST_F(RunVerbs, EvaluationThatAKillPreventedIsOwed) {
  const auto options = config("run");
  options->evaluate.every = 2;
  auto run = start(*options);
  EXPECT_FALSE(run->due().evaluation);
  run->step();
  run->step();
  EXPECT_TRUE(run->due().evaluation);
  run->watch();
  run->report();
  run->save();
  run.reset();  // a kill

  run = start(*options);
  EXPECT_TRUE(run->due().evaluation);
  run->evaluate();
  EXPECT_THAT(test::read_file(options->run.output + "/metrics.jsonl"),
              HasSubstr("\"eval.frechet_pixels\""));
  run.reset();
  EXPECT_FALSE(start(*options)->due().evaluation);
}

TEST_F(RunVerbs, RunThatDivergesGoesBackAndNothingElseIsDue) {
  const auto options = config("run");
  options->run.steps = 50;
  options->report.every = 1;
  options->train.watch = train::Watch::kRollback;
  options->train.lr_g = options->train.lr_d = 1e30;
  const auto run = start(*options);
  EXPECT_TRUE(has_checkpoint("run", 0));
  const Tensors at_start = tensors_of(*run);
  do {
    run->step();
    run->watch();
  } while (run->progress().step > 0 && !run->is_over());
  EXPECT_EQ(run->progress().step, 0);
  expect_equal(tensors_of(*run), at_start);
  EXPECT_FALSE(run->due().report || run->due().save || run->due().losses());
}

TEST_F(RunVerbs, TogetherTheyLeaveTheFolderOfAFinishedRun) {
  const auto options = config("run");
  train(*options, alone_, log_);
  EXPECT_TRUE(has_checkpoint("run", 4));
  for (const std::string name : {"evaluation.json", "report.html", "config.ini"}) {
    EXPECT_TRUE(std::filesystem::exists(options->run.output + "/" + name)) << name;
  }
  EXPECT_TRUE(std::filesystem::exists(options->run.output + "/grids/samples-00000004.png"));
  // A finished run is evaluated again and trained no more.
  const auto run = start(*options);
  EXPECT_TRUE(run->is_over());
  EXPECT_FALSE(run->due().evaluation);
}

}  // namespace
}  // namespace bbg::run
