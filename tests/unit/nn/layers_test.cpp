// A convolution that is computed in one with its resampling, against the two one after the other:
// output and every gradient.
#include "nn/layers.h"

#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "ops/cpu_ops.h"

namespace bbg {
namespace {

// float64: the sums of at most 1024 products run in another order, and nothing else differs.
constexpr double kTolerance = 1e-12;

at::Tensor wave(at::IntArrayRef shape, double frequency) {
  return at::sin(at::arange(c10::multiply_integers(shape), at::kDouble) * frequency).view(shape);
}

struct Results {
  at::Tensor y, of_x, of_weight, of_bias;
};

Results with_gradients(const at::Tensor& y, const at::Tensor& x, const at::Tensor& weight,
                       const at::Tensor& bias) {
  (y * wave(y.sizes(), 0.77)).sum().backward();
  Results results = {y.detach(), x.grad().clone(), weight.grad().clone(), bias.grad().clone()};
  for (const at::Tensor& leaf : {x, weight, bias}) leaf.mutable_grad().reset();
  return results;
}

void expect_close(const at::Tensor& a, const at::Tensor& b, const char* what) {
  ASSERT_EQ(a.sizes(), b.sizes()) << what;
  EXPECT_TRUE(at::allclose(a, b, kTolerance, kTolerance))
      << what << " differs by " << (a - b).abs().max().item<double>();
}

using Case = std::tuple<ops::Resample, int64_t, bool>;

class ResampledConv : public ::testing::TestWithParam<Case> {};

TEST_P(ResampledConv, EqualsConvolutionAndResampling) {
  const auto [resample, size, spectral] = GetParam();
  comm::SelfCommunicator alone;
  ops::CpuOps cpu;
  const nn::Settings settings;
  nn::Context context{.communicator = alone, .ops = cpu, .settings = settings};
  const auto build = [&](nn::ParameterStore& store, ops::Resample kind, bool is_spectral) {
    return nn::Conv(context, nn::Scope(store), {.in = 5, .out = 7, .kernel = 3, .resample = kind},
                    is_spectral);
  };
  nn::ParameterStore store("X", 3, nn::Init::kOrthogonal, at::kDouble);
  const nn::Conv in_one = build(store, resample, spectral);
  nn::ParameterStore twin("X", 3, nn::Init::kOrthogonal, at::kDouble);
  const nn::Conv plain = build(twin, ops::Resample::kNone, spectral);
  context.ops.iterate(context.spectral_weights, settings.sn_eps, /*move=*/true);

  const at::Tensor x = wave({2, 5, size, size}, 1.3).set_requires_grad(true);
  const auto leaves = [](nn::ParameterStore& of) {
    return std::pair(of.parameters()[0].tensor, of.parameters()[1].tensor);
  };
  const auto [weight, bias] = leaves(store);
  const auto [twin_weight, twin_bias] = leaves(twin);
  const Results own = with_gradients(in_one(x), x, weight, bias);
  const at::Tensor expected_y = resample == ops::Resample::kPoolAfter
                                    ? ops::average_pool(plain(x))
                                    : plain(ops::upsample_nearest(x));
  const Results expected = with_gradients(expected_y, x, twin_weight, twin_bias);
  expect_close(own.y, expected.y, "y");
  expect_close(own.of_x, expected.of_x, "gradient of x");
  expect_close(own.of_weight, expected.of_weight, "gradient of the weight");
  expect_close(own.of_bias, expected.of_bias, "gradient of the bias");
}

// A 1x1 convolution with stride computes only the positions that count (ops/convolution.cpp).
TEST(Conv, PointwiseWithStrideEqualsTheStridedConvolution) {
  comm::SelfCommunicator alone;
  ops::CpuOps cpu;
  const nn::Settings settings;
  nn::Context context{.communicator = alone, .ops = cpu, .settings = settings};
  nn::ParameterStore store("X", 3, nn::Init::kOrthogonal, at::kDouble);
  const nn::Conv conv(context, nn::Scope(store), {.in = 8, .out = 16, .kernel = 1, .stride = 2},
                      false);
  const at::Tensor weight = store.parameters()[0].tensor, bias = store.parameters()[1].tensor;
  for (const int64_t size : {1, 7, 64}) {
    const at::Tensor x = wave({1, 8, size, size}, 1.3)
                             .contiguous(at::MemoryFormat::ChannelsLast)
                             .set_requires_grad(true);
    const Results own = with_gradients(conv(x), x, weight, bias);
    const Results expected = with_gradients(at::conv2d(x, weight, bias, 2), x, weight, bias);
    expect_close(own.y, expected.y, "y");
    expect_close(own.of_x, expected.of_x, "gradient of x");
    expect_close(own.of_weight, expected.of_weight, "gradient of the weight");
    expect_close(own.of_bias, expected.of_bias, "gradient of the bias");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ResampledConv,
    ::testing::Combine(::testing::Values(ops::Resample::kUpsampleBefore, ops::Resample::kPoolAfter),
                       ::testing::Values<int64_t>(2, 4, 10), ::testing::Bool()));

}  // namespace
}  // namespace bbg
