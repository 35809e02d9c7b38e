#include "measure/memory.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "eval/linear_protocol.h"
#include "eval/probe.h"
#include "measure/evaluation.h"
#include "ops/cpu_ops.h"
#include "run/run_config.h"
#include "tests/support/threads_communicator.h"
#include "tests/unit/measure/small_subject.h"

namespace bbg::measure {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* name;
  std::vector<std::string> options;
};

// The width that is counted before the run is the one that the networks give.
TEST(MeasuresMemory, WidthIsThatOfTheLongestFeature) {
  const at::NoGradGuard no_grad;
  for (const Case& given : std::vector<Case>{
           {"strided", {"--model.block", "strided"}},
           {"residual", {"--model.block", "residual"}},
           {"mlp", {"--model.block", "mlp", "--model.d-norm", "bn", "--model.system", "bigan"}},
           {"bigan", {"--model.block", "bigan", "--model.d-norm", "bn", "--model.system", "bigan"}},
           {"bigan gan",
            {"--model.block", "bigan", "--model.d-norm", "bn", "--model.system", "gan"}},
           {"mlp gan",
            {"--model.block", "mlp", "--model.d-norm", "bn", "--model.system", "gan"}}}) {
    SCOPED_TRACE(given.name);
    for (const std::string network : {"e", "d"}) {
      SCOPED_TRACE(network);
      std::vector<std::string> arguments = given.options;
      for (const char* word :
           {"--model.resolution",   "32", "--model.width",    "4",    "--model.e-width",      "4",
            "--model.z-dim",        "20", "--model.h-width",  "8",    "--model.h-depth",      "1",
            "--model.j-width",      "8",  "--model.j-depth",  "1",    "--model.e-head-width", "8",
            "--model.e-head-depth", "1",  "--eval.baselines", "none", "--eval.network"}) {
        arguments.push_back(word);
      }
      arguments.push_back(network);
      run::RunConfig config;
      config.parse(arguments);
      comm::SelfCommunicator self;
      ops::CpuOps cpu;
      const model::Nets nets =
          model::make_nets(config.model, {self, cpu, at::TensorOptions(at::kFloat)}, 1);
      const at::Tensor x = at::zeros({2, 3, 32, 32});
      int64_t width = 0;
      if (network == "d") width = nets.discriminator->feature(x).flatten(1).size(1);
      if (network == "e" && nets.encoder) width = nets.encoder->forward(x).feature.size(1);
      EXPECT_EQ(feature_width(config.measuring(), nets), width);
      config.evaluate.feature = eval::Feature::kBnCrelu;
      EXPECT_EQ(feature_width(config.measuring(), nets), 2 * width);
      config.evaluate.baselines = eval::Baselines::kPixels;
      EXPECT_EQ(longest_feature_width(config.measuring(), nets),
                width == 0 ? 0 : std::max<int64_t>(2 * width, 3 * 32 * 32));
    }
  }
}

constexpr int64_t kGb = 1'000'000'000;

std::string refusal(const Bytes& bytes, const Room& room) {
  try {
    check_memory("the measure linear_probe", bytes, room);
    return "fits";
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.hint(), HasSubstr("eval.baselines"));
    return error.what();
  }
}

TEST(MeasuresMemory, WhatDoesNotFitIsRefusedWithNumbers) {
  EXPECT_GT(host_memory_bytes(), int64_t{1} << 28);
  const Room host{.host = 16 * kGb, .local_ranks = 2};
  EXPECT_EQ(refusal({.host = 5 * kGb, .device = 3 * kGb}, host), "fits");
  EXPECT_EQ(refusal({.host = 5 * kGb, .device = 4 * kGb}, host),
            "the measure linear_probe takes at least 9.0 GB on each of 2 rank(s) of a host with "
            "16.0 GB");
  const Room gpu{.host = 16 * kGb, .local_ranks = 2, .own_device = 80 * kGb};
  EXPECT_EQ(refusal({.host = 8 * kGb, .device = 80 * kGb}, gpu), "fits");
  EXPECT_THAT(refusal({.host = 9 * kGb, .device = kGb}, gpu), HasSubstr("9.0 GB on each of 2"));
  EXPECT_EQ(refusal({.host = 0, .device = 81 * kGb}, gpu),
            "the measure linear_probe takes at least 81.0 GB of a GPU with 80.0 GB");
}

// 256 px of three colours and 1,000 classes, as the pixels were once: 29 vectors of doubles, shared
// out, a gradient and weights.
TEST(MeasuresMemory, OfTheLinearProbeFallsWithRanks) {
  EXPECT_NEAR(static_cast<double>(eval::probe_bytes(3 * 256 * 256, 1000, 1)) / 1e9, 48.8, 0.1);
  EXPECT_NEAR(static_cast<double>(eval::probe_bytes(3 * 256 * 256, 1000, 8)) / 1e9, 8.8, 0.1);
}

class EvaluationMemory : public ::testing::Test {
 protected:
  EvaluationMemory()
      : train_(random_images(folder_ / "train", 37)), test_(random_images(folder_ / "test", 11)) {}

  // The words of check_memory() about the measures with these keys, on a host with so many bytes.
  std::string refusal(comm::Communicator& ranks, const std::vector<std::string>& keys,
                      int64_t bytes, const std::vector<std::string>& more = {}) const {
    const at::NoGradGuard no_grad;
    run::RunConfig config;
    std::vector<std::string> options = small_options("bigbigan");
    options.insert(options.end(), more.begin(), more.end());
    config.parse(options);
    EvaluationProgress silent;
    ops::CpuOps cpu;
    const Context context{config.measuring(), ranks, cpu, at::TensorOptions(at::kFloat), silent};
    const model::Nets nets = model::make_nets(config.model, context.backend(), 1);
    Measures measures;
    for (const Measure& measure : table()) {
      if (std::count(keys.begin(), keys.end(), measure.key) > 0) measures.push_back(measure);
    }
    EXPECT_EQ(measures.size(), keys.size());
    try {
      Evaluation(context, train_, &test_, measures).check_memory(nets, {.host = bytes});
      return "fits";
    } catch (const core::UsageError& error) {
      return error.what();
    }
  }
  std::string refusal(const std::vector<std::string>& keys, int64_t bytes,
                      const std::vector<std::string>& more = {}) const {
    comm::SelfCommunicator alone;
    return refusal(alone, keys, bytes, more);
  }

  test::TemporaryFolder folder_;
  data::ShardSet train_, test_;
};

TEST_F(EvaluationMemory, CountsTheFeaturesThatAreKept) {
  // 48 images by the 3,072 values of the pixels.
  const int64_t kept = 48 * 3072 * 4;
  const std::vector<std::string> key = {"nearest_neighbour"};
  EXPECT_EQ(refusal(key, kept), "fits");
  EXPECT_THAT(refusal(key, kept - 1), HasSubstr("the measure nearest_neighbour takes at least"));
  EXPECT_EQ(refusal(key, kept - 1, {"--eval.baselines", "untrained"}), "fits");
  EXPECT_EQ(refusal(key, kept - 1, {"--eval.probe-train", "9", "--eval.neighbours-train", "8"}),
            "fits");
  // 19 and 6 images of the rank that has most.
  testing::run_ranks(2, [&](comm::Communicator& ranks) {
    EXPECT_EQ(refusal(ranks, key, 25 * 3072 * 4), "fits");
    EXPECT_THAT(refusal(ranks, key, 25 * 3072 * 4 - 1), HasSubstr("nearest_neighbour"));
  });
}

TEST_F(EvaluationMemory, IsThatOfTheMeasuresThatAreTaken) {
  EXPECT_EQ(refusal({"frechet_pixels"}, 1), "fits");
  const auto need = [&](const std::string& key, int64_t bytes,
                        const std::vector<std::string>& more = {}) {
    EXPECT_EQ(refusal({"frechet_pixels", key}, bytes, more), "fits") << key;
    EXPECT_THAT(refusal({"frechet_pixels", key}, bytes - 1, more), HasSubstr(key)) << key;
  };
  need("linear_probe", 48 * 3072 * 4 + eval::probe_bytes(3072, 2, 1));
  // E's features have 16 x 4 x 4 values.
  need("knn", 48 * 256 * 4);
  const int64_t protocol = 48 * 256 * 4 + eval::linear_protocol_bytes(256, 2, 1, {});
  need("linear_protocol", protocol);
  need("few_labels", protocol);
  // Each view is of the training images.
  need("linear_protocol", protocol + 3 * 37 * 256 * 4, {"--eval.linear-views", "3"});
  need("layer_probes", 48 * 9216 * 4 + eval::linear_protocol_bytes(9216, 2, 1, {}));
}

}  // namespace
}  // namespace bbg::measure
