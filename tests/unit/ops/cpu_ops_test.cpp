// The CPU's passes over data of batch norm against ATen's functions on the same values, in every
// layout.
#include "ops/cpu_ops.h"

#include <gtest/gtest.h>

#include "support/norm_case.h"
#include "support/threads_of_torch.h"

namespace bbg {
namespace {

using testing::NormCase;
namespace cpu = ops::cpu;

class CpuNorm : public ::testing::TestWithParam<NormCase> {};

TEST_P(CpuNorm, EqualsPlainFunctions) {
  testing::expect_plain_passes(GetParam());
  ops::CpuOps own_ops;
  testing::expect_plain_norm(GetParam(), at::kCPU, own_ops);
}

TEST_P(CpuNorm, GivesEqualBitsOnAnyNumberOfThreads) {
  const NormCase& test = GetParam();
  const at::Tensor x = testing::laid_out(testing::wave(test.shape, 1.7, test), test);
  const auto moments = [&](int threads) {
    const testing::ThreadsOfTorch of_torch(threads);
    return cpu::channel_moments(x);
  };
  const auto [mean, variance] = moments(1);
  const auto [threaded_mean, threaded_variance] = moments(3);
  EXPECT_TRUE(at::equal(mean, threaded_mean));
  EXPECT_TRUE(at::equal(variance, threaded_variance));
}

INSTANTIATE_TEST_SUITE_P(Layouts, CpuNorm, ::testing::ValuesIn(testing::norm_cases()));

// bfloat16 stores what float32 computes with the same values, rounded: by all of its bit patterns.
TEST(CpuNorm, RoundToBfloat16AsATenDoes) {
  const at::Tensor bits = at::arange(-32768, 32768, at::kShort);
  at::Tensor x = at::empty({4096, 16, 1, 1}, at::kBFloat16);
  x.view({65536}).view(at::kShort).copy_(bits);
  const ops::NormTerms terms{
      at::full({16}, 0.3, at::kFloat), at::full({16}, 1.7, at::kFloat), {}, {}};
  const at::Tensor own = cpu::norm_forward(x, terms).flatten();
  const at::Tensor expected =
      cpu::norm_forward(x.to(at::kFloat), terms).to(at::kBFloat16).flatten();
  EXPECT_TRUE(at::equal(at::isnan(own), at::isnan(expected)));
  EXPECT_TRUE(at::equal(at::nan_to_num(own, 0), at::nan_to_num(expected, 0)));
}

TEST(CpuNorm, LetNotANumberThrough) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    at::Tensor x = at::ones({1, 2, 2, 2}, type);
    x[0][1][0][0] = std::numeric_limits<double>::quiet_NaN();
    const ops::NormTerms terms{at::zeros({2}), at::ones({2}), {}, {}, true};
    EXPECT_TRUE(at::isnan(cpu::norm_forward(x, terms)[0][1][0][0]).item<bool>());
  }
}

}  // namespace
}  // namespace bbg
