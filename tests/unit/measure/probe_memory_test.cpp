#include "measure/probe_memory.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "eval/probe.h"
#include "ops/cpu_ops.h"
#include "run/run_config.h"

namespace bbg::measure {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* name;
  std::vector<std::string> options;
};

// The width that is counted before the run is the one that the networks give.
TEST(ProbeMemory, WidthIsThatOfTheLongestFeature) {
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
      EXPECT_EQ(probe_width(config.measuring(), nets), width);
      config.evaluate.feature = eval::Feature::kBnCrelu;
      EXPECT_EQ(probe_width(config.measuring(), nets), 2 * width);
      config.evaluate.baselines = eval::Baselines::kPixels;
      EXPECT_EQ(probe_width(config.measuring(), nets),
                width == 0 ? 0 : std::max<int64_t>(2 * width, 3 * 32 * 32));
    }
  }
}

TEST(ProbeMemory, ProbeThatDoesNotFitIsRefusedWithNumbersAndAWayOut) {
  EXPECT_GT(host_memory_bytes(), int64_t{1} << 28);
  constexpr int64_t kGb = 1'000'000'000;
  // 256 px of three colours and 1,000 classes, as the pixels were once: 29 vectors of doubles,
  // shared out, a gradient and weights.
  EXPECT_NEAR(static_cast<double>(eval::probe_bytes(3 * 256 * 256, 1000, 1)) / 1e9, 48.8, 0.1);
  EXPECT_NEAR(static_cast<double>(eval::probe_bytes(3 * 256 * 256, 1000, 8)) / 1e9, 8.8, 0.1);
  EXPECT_NO_THROW(check_probe_memory(3 * 256 * 256, 1000, 1, 1, 49 * kGb));
  EXPECT_NO_THROW(check_probe_memory(3 * 256 * 256, 1000, 64, 4, 20 * kGb));
  EXPECT_NO_THROW(check_probe_memory(3 * 32 * 32, 1000, 8, 8, 2 * kGb));
  try {
    check_probe_memory(3 * 256 * 256, 1000, 4, 2, 16 * kGb);
    FAIL() << "not refused";
  } catch (const core::UsageError& error) {
    EXPECT_THAT(core::message_of(error),
                HasSubstr("the linear probe of 196608 features and 1000 classes takes 14.5 GB on "
                          "each of 2 rank(s) of a host with 16.0 GB"));
    EXPECT_THAT(error.hint(), HasSubstr("eval.baselines"));
  }
}

}  // namespace
}  // namespace bbg::measure
