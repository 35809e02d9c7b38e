// The choice of an implementation, and the convolutions of each against those of PlainOps.
#include "ops/ops.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "ops/cpu_ops.h"
#include "support/cuda_emulator.h"

namespace bbg {
namespace {

TEST(MakeOps, ChoosesByTheDevice) {
  EXPECT_NE(dynamic_cast<ops::CpuOps*>(ops::make_ops(at::kCPU).get()), nullptr);
  EXPECT_NE(dynamic_cast<ops::PlainOps*>(ops::make_ops(at::kMeta).get()), nullptr);
}

at::Tensor wave(at::IntArrayRef shape, double frequency, at::ScalarType type) {
  const int64_t count = c10::multiply_integers(shape);
  return at::sin((at::arange(count, at::kDouble) + 1) * frequency).view(shape).to(type);
}

struct ConvolutionCase {
  std::string name;
  std::vector<int64_t> weight;
  bool is_transposed = false;
  ops::Convolution shape = {};
  bool has_bias = true, has_epilogue = false;
};
void PrintTo(const ConvolutionCase& test, std::ostream* out) { *out << test.name; }

// Output and gradients of x, weight, bias and skip.
std::vector<at::Tensor> results_of(const ConvolutionCase& test, at::ScalarType type,
                                   ops::Ops& ops) {
  const int64_t in = test.is_transposed ? test.weight[0] : test.weight[1] * test.shape.groups;
  const int64_t out = test.is_transposed ? test.weight[1] : test.weight[0];
  at::Tensor x = wave({2, in, 8, 6}, 1.7, type).contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor weight = wave(test.weight, 0.9, type).contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor bias = test.has_bias ? wave({out}, 0.7, type) : at::Tensor();
  ops::Epilogue epilogue;
  if (test.has_epilogue) epilogue = {wave({2, out, 4, 3}, 1.1, type), true, true};
  std::vector<at::Tensor> leaves = {x, weight};
  if (bias.defined()) leaves.push_back(bias);
  if (epilogue.skip.defined()) leaves.push_back(epilogue.skip);
  for (const at::Tensor& leaf : leaves) leaf.set_requires_grad(true);
  const at::Tensor y =
      test.is_transposed
          ? ops.convolve_transposed(
                x, weight, bias,
                {.padding = test.shape.padding, .output_padding = test.weight[2] % 2}, epilogue)
          : ops.convolve(x, weight, bias, test.shape, epilogue);
  y.backward(wave(y.sizes(), 0.3, type));
  std::vector<at::Tensor> results = {y.detach()};
  for (const at::Tensor& leaf : leaves) results.push_back(leaf.grad());
  return results;
}

// Sums of up to some hundred products of order one, in another order.
void expect_plain(const ConvolutionCase& test, at::ScalarType type, ops::Ops& ops) {
  const double tolerance = type == at::kDouble ? 1e-11 : 2e-4;
  ops::PlainOps plain;
  const std::vector<at::Tensor> own = results_of(test, type, ops),
                                expected = results_of(test, type, plain);
  ASSERT_EQ(own.size(), expected.size());
  for (size_t i = 0; i < own.size(); ++i) {
    EXPECT_TRUE(at::allclose(own[i], expected[i], tolerance, tolerance)) << i << " in " << type;
  }
}

class Convolutions : public ::testing::TestWithParam<ConvolutionCase> {};

TEST_P(Convolutions, OfTheCpuArePlainOnes) {
  ops::CpuOps cpu;
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) expect_plain(GetParam(), type, cpu);
}

TEST_P(Convolutions, OfAGpuArePlainOnes) {
  testing::EmulatedGpu gpu;
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    expect_plain(GetParam(), type, gpu.ops);
  }
  // libtorch's float64 convolutions on the host are not channels-last.
  EXPECT_TRUE(gpu.num_launches > 0 || !GetParam().has_epilogue);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Convolutions,
    ::testing::Values(
        ConvolutionCase{"Plain", {16, 16, 3, 3}, false, {.padding = 1}},
        ConvolutionCase{"WithoutBias", {16, 8, 3, 3}, false, {.padding = 1}, false},
        ConvolutionCase{"WithEpilogue", {16, 8, 3, 3}, false, {.padding = 1}, true, true},
        ConvolutionCase{"OfThreeChannels", {16, 3, 4, 4}, false, {.stride = 2, .padding = 1}},
        ConvolutionCase{"PointwiseWithStride", {12, 8, 1, 1}, false, {.stride = 2}},
        ConvolutionCase{"OfGroups", {6, 2, 3, 3}, false, {.padding = 1, .groups = 2}},
        ConvolutionCase{"Transposed", {8, 5, 4, 4}, true, {.padding = 1}},
        ConvolutionCase{"TransposedOfFiveTaps", {8, 5, 5, 5}, true, {.padding = 2}},
        ConvolutionCase{"TransposedWithoutBias", {8, 5, 4, 4}, true, {.padding = 1}, false}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace bbg
