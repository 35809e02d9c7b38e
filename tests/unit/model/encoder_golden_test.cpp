// E, of every kind and whole, against digests of PyTorch encoders at the papers' depth:
// distribution, feature, all gradients, buffers, evaluation. "x2" and "x4" are those multiples of
// the width, "wide" the papers' own width.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "model/encoder.h"
#include "support/golden_digest.h"

namespace bbg::model {
namespace {

void expect_code(testing::GoldenDigest& golden, const std::string& prefix, const Code& code) {
  golden.expect(prefix + ".mean", code.mean);
  golden.expect(prefix + ".feature", code.feature);
  if (code.sigma.defined()) golden.expect(prefix + ".sigma", code.sigma);
}

class EncoderGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(EncoderGolden, OutputsGradientsAndBuffersEqualPyTorchs) {
  testing::GoldenDigest golden("encoder_" + GetParam());
  auto options = golden.options<ModelOptions>("model");
  options.check();
  options.init = nn::Init::kXavier;  // quicker than orthogonal, and overwritten
  comm::SelfCommunicator communicator;
  const auto ops = ops::make_ops(at::kCPU);
  Encoder encoder(options, {communicator, *ops, at::kDouble}, 1);
  golden.fill(encoder, "E");
  const at::Tensor x = golden.images(options).set_requires_grad(true);

  encoder.begin_substep();
  const Code code = encoder.forward(x);
  const at::Tensor sample = code.sample(golden.epsilon(options));
  (sample * golden.noise("upstream.code", sample.sizes())).sum().backward();
  expect_code(golden, "out", code);
  golden.expect("out.code", sample);
  golden.expect("grad.x", x.grad());
  golden.expect_gradients(encoder, "E");
  golden.expect_buffers(encoder, "E");

  encoder.set_mode(nn::Mode::kEvaluate);
  encoder.begin_substep();
  expect_code(golden, "eval", encoder.forward(x));  // a RevNet takes another way with a graph
  const at::NoGradGuard no_grad;
  expect_code(golden, "eval", encoder.forward(x));
  golden.expect_buffers(encoder, "E");  // neither has moved them
  golden.expect_all_seen();
}

std::string with_underscore(const ::testing::TestParamInfo<std::string>& info) {
  return info.param;
}

std::vector<std::string> names(const std::vector<std::string>& kinds,
                               const std::vector<std::string>& sizes) {
  std::vector<std::string> all;
  for (const std::string& kind : kinds) {
    for (const std::string& size : sizes) all.push_back(kind + "_" + size);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Small, EncoderGolden,
                         ::testing::ValuesIn(names({"small", "strided", "mlp"},
                                                   {"32", "64", "128"})),
                         with_underscore);
INSTANTIATE_TEST_SUITE_P(Large, EncoderGolden,
                         ::testing::ValuesIn(names({"resnet50", "resnet101", "resnet50_x2",
                                                    "revnet50", "revnet50_x2", "revnet50_x4"},
                                                   {"32", "64", "128", "256"})),
                         with_underscore);
INSTANTIATE_TEST_SUITE_P(Wide, EncoderGolden,
                         ::testing::Values("resnet50_wide_64", "resnet101_wide_32",
                                           "revnet50_wide_64"),
                         with_underscore);

// All these comparisons rest on this.
TEST(GoldenDigest, SeesOneWrongValueAWrongNameAndWhatWasLeftOut) {
  testing::GoldenDigest golden("encoder_small_32");
  const auto options = golden.options<ModelOptions>("model");
  comm::SelfCommunicator communicator;
  const auto ops = ops::make_ops(at::kCPU);
  Encoder encoder(options, {communicator, *ops, at::kDouble}, 1);
  golden.fill(encoder, "E");
  const at::Tensor mean = encoder.forward(golden.images(options)).mean.detach().clone();
  golden.expect("out.mean", mean);
  mean[2][1] += 1e-6;
  EXPECT_NONFATAL_FAILURE(golden.expect("out.mean", mean), "out.mean");
  EXPECT_NONFATAL_FAILURE(golden.expect("out.mean", mean * std::nan("")), "out.mean");
  EXPECT_NONFATAL_FAILURE(golden.expect_all_seen("out.sigma"), "out.sigma");
  EXPECT_NONFATAL_FAILURE(golden.expect_all_seen("no such row"), "no such row");
  golden.expect_all_seen("out.mean");
}

}  // namespace
}  // namespace bbg::model
