#include "measure/table.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "checkpoint/checkpoint_options.h"
#include "comm/self_communicator.h"
#include "core/draws.h"
#include "core/error.h"
#include "measure/evaluation.h"
#include "measure/protocol.h"
#include "measure/sampler.h"
#include "measure/standing.h"
#include "ops/cpu_ops.h"
#include "tests/support/threads_communicator.h"
#include "tests/unit/measure/small_subject.h"

namespace bbg::measure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A measure that is not among the program's: how much brighter images are than the test images.
core::Values brightness(Inputs& inputs) {
  const double own = inputs.coarse_pixels().mean.mean().item<double>();
  return {{word_of(inputs.source()), own - inputs.test_pixels().mean.mean().item<double>()}};
}

Measures with_brightness() {
  Measures measures = table();
  measures.push_back({.key = "brightness",
                      .name = "brightness",
                      .need = Need::kCoarsePixels,
                      .values = brightness,
                      .curves = {{"samples", "eval.brightness"}},
                      .protocol = "mean brightness, less that of {N} test images",
                      .paper = "none",
                      .card = {.title = "Brightness"}});
  return measures;
}

class TableOfMeasures : public ::testing::Test {
 protected:
  struct Outcome {
    core::Values progress;
    nlohmann::ordered_json last;
    double expected = 0;  // brightness of samples, from the images themselves
  };

  static double expected_brightness(const Context& context, const Images& images,
                                    const Subject& subject) {
    double result = 0;
    leave_as_found(subject, [&] {
      make_standing(context, subject.generator);
      const at::Tensor samples = Sampler(context).images(subject.generator, core::kSamplesDraw, 0,
                                                         context.setup.evaluate.samples);
      const core::Batch test = images.read(images.test(), 0, images.test().count);
      result = (samples.mean(at::kDouble) - test.images.mean(at::kDouble)).item<double>();
    });
    return result;
  }

  Outcome measured_by(comm::Communicator& ranks, const Measures& measures) const {
    const at::NoGradGuard no_grad;
    EvaluationProgress silent;
    ops::CpuOps cpu;
    const Context context{config_.measuring(), ranks, cpu, at::TensorOptions(at::kFloat), silent};
    model::Nets nets = model::make_nets(config_.model, context.backend(), 1);
    const Subject subject = subject_of(nets);
    const Evaluation evaluation(context, train_, &test_, measures);
    Outcome outcome;
    outcome.progress = evaluation.progress(subject, 1);
    evaluation.measure(subject, outcome.last);
    outcome.expected = expected_brightness(context, Images(context, train_, &test_), subject);
    return outcome;
  }

  TableOfMeasures() {
    config_.parse(small_options("bigbigan"));
    config_.evaluate.every = 1;
  }

  test::TemporaryFolder folder_;
  data::ShardSet train_ = random_images(folder_ / "train", 40);
  data::ShardSet test_ = random_images(folder_ / "test", 18);
  run::RunConfig config_;
};

TEST_F(TableOfMeasures, AnEntryIsAllThatANewMeasureNeeds) {
  comm::SelfCommunicator alone;
  const Measures measures = with_brightness();
  const Outcome outcome = measured_by(alone, measures);
  const double value = outcome.last["brightness"]["samples"];
  EXPECT_NEAR(value, outcome.expected, 1e-6);  // float32 pixels
  EXPECT_NE(value, 0);
  EXPECT_EQ(outcome.last["protocol"]["brightness"], "mean brightness, less that of 18 test images");
  EXPECT_TRUE(outcome.last["brightness"].contains("training"));
  // It is measured with those that read the same.
  ASSERT_GE(outcome.progress.size(), 2u);
  EXPECT_EQ(outcome.progress[0].first, "eval.frechet_pixels");
  EXPECT_EQ(outcome.progress[1], std::pair(std::string("eval.brightness"), value));
  EXPECT_THAT(markdown(measures), HasSubstr("less that of `N` test images"));
}

TEST_F(TableOfMeasures, ANewMeasureIsTheSameOnTwoRanks) {
  comm::SelfCommunicator alone;
  const Measures measures = with_brightness();
  const double expected = measured_by(alone, measures).last["brightness"]["samples"];
  std::mutex mutex;
  std::vector<double> found;
  testing::run_ranks(2, [&](comm::Communicator& ranks) {
    const double value = measured_by(ranks, measures).last["brightness"]["samples"];
    const std::lock_guard lock(mutex);
    found.push_back(value);
  });
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], found[1]);
  EXPECT_NEAR(found[0], expected, 1e-5);  // batch statistics, summed in another order
}

TEST_F(TableOfMeasures, EachIsMeasuredInItsOwnSteps) {
  comm::SelfCommunicator alone;
  EvaluationProgress silent;
  ops::CpuOps cpu;
  config_.evaluate.every = 2;
  config_.evaluate.schedule = "brightness:3,linear_probe:0";
  const Context context{config_.measuring(), alone, cpu, at::TensorOptions(at::kFloat), silent};
  model::Nets nets = model::make_nets(config_.model, context.backend(), 1);
  const Measures measures = with_brightness();
  const Evaluation evaluation(context, train_, &test_, measures);
  const auto names_at = [&](int64_t step) {
    std::vector<std::string> names;
    for (const auto& [name, value] : evaluation.progress(subject_of(nets), step)) {
      names.push_back(name);
    }
    return names;
  };
  EXPECT_EQ(names_at(1), std::vector<std::string>());
  EXPECT_EQ(names_at(3), std::vector<std::string>{"eval.brightness"});
  const std::vector<std::string> second = names_at(2), sixth = names_at(6),
                                 all = evaluation.progress_names();
  EXPECT_THAT(second, ::testing::Contains("eval.frechet_pixels"));
  EXPECT_THAT(second, ::testing::Not(::testing::Contains("eval.brightness")));
  EXPECT_EQ(sixth.size(), second.size() + 1);
  EXPECT_EQ(sixth, all);
  EXPECT_THAT(all, ::testing::Not(::testing::Contains("eval.linear_probe")));
}

TEST_F(TableOfMeasures, MeasuringLeavesTheSubjectAsItWas) {
  comm::SelfCommunicator alone;
  EvaluationProgress silent;
  ops::CpuOps cpu;
  const Context context{config_.measuring(), alone, cpu, at::TensorOptions(at::kFloat), silent};
  model::Nets nets = model::make_nets(config_.model, context.backend(), 1);
  std::vector<at::Tensor> before, after;
  const auto buffers = [&] {
    std::vector<at::Tensor> all;
    for (const nn::Network* network : std::initializer_list<const nn::Network*>{
             nets.generator.get(), nets.encoder.get(), nets.discriminator.get()}) {
      for (const auto& buffer : network->store().buffers()) all.push_back(buffer.tensor.clone());
    }
    return all;
  };
  before = buffers();
  ASSERT_FALSE(before.empty());
  const Evaluation evaluation(context, train_, &test_);
  nlohmann::ordered_json result;
  const Subject subject = subject_of(nets);
  evaluation.progress(subject, 1);
  evaluation.grids(subject);
  evaluation.measure(subject, result);
  EXPECT_THROW(leave_as_found(subject,
                              [&] {
                                make_standing(context, subject.generator);
                                throw std::runtime_error("interrupted");
                              }),
               std::runtime_error);
  after = buffers();
  for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(at::equal(before[i], after[i])) << i;
}

TEST(Table, CurvesAreThoseThatABestCheckpointIsChosenBy) {
  core::OptionTable options;
  checkpoint::CheckpointOptions checkpoint;
  checkpoint.declare(options);
  for (const Measure& measure : table()) {
    for (const Curve& curve : measure.curves) {
      if (curve.better == Better::kNeither) continue;
      EXPECT_NO_THROW(options.parse({"--checkpoint.keep-best", curve.name})) << curve.name;
    }
  }
  EXPECT_EQ(find_curve(table(), "eval.linear_probe")->better, Better::kHigher);
  EXPECT_EQ(find_curve(table(), "eval.frechet_pixels")->better, Better::kLower);
  EXPECT_EQ(find_curve(table(), "eval.another"), nullptr);
}

TEST(Table, CardsStandInTheReportsOrder) {
  std::vector<std::string> titles;
  for (const report::Card& card : shown(table()).cards) titles.push_back(card.title);
  const std::string by = " by extractor.network";
  EXPECT_THAT(
      titles,
      ElementsAre("Linear probe", "Nearest neighbour", "Reconstruction ratio", "Samples' distance",
                  "FID", "Inception Score", "KID", "Precision and recall", "MIND",
                  "Frechet distance" + by, "Kernel distance" + by, "Precision and recall" + by,
                  "MIND" + by, "Frechet distance by E", "k nearest neighbours",
                  "Linear classification", "Few labels", "Linear classification of each stage",
                  "Transfer of stages", "Reconstruction from samples of E", "Round trip",
                  "Class kept", "Reconstruction by Inception", "Reconstruction" + by,
                  "Reconstruction by E"));
}

// bbg_dist metrics --markdown > docs/metrics.md
TEST(Table, PageOfMeasuresIsNotStale) {
  EXPECT_TRUE(markdown(table()) ==
              test::read_file(std::string(BBG_SOURCE_DIR) + "/docs/metrics.md"))
      << "docs/metrics.md is stale; make it anew: bbg_dist metrics --markdown > docs/metrics.md";
}

}  // namespace
}  // namespace bbg::measure
