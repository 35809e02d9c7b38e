// The passes over data of batch norm against ATen's functions on the same values, in every layout.
#include "model/norm_kernels.h"

#include <gtest/gtest.h>

#include "support/threads_of_torch.h"

namespace bbg {
namespace {

struct Case {
  std::vector<int64_t> shape;
  std::string terms;  // "none", "channel" or "sample": what gain and bias belong to
  bool relu = false, channels_last = false;
  at::ScalarType type = at::kDouble;
};

void PrintTo(const Case& test, std::ostream* out) {
  *out << at::IntArrayRef(test.shape) << " " << test.terms << (test.relu ? " relu" : "")
       << (test.channels_last ? " channels last" : "") << " " << test.type;
}

at::Tensor wave(at::IntArrayRef shape, double frequency, const Case& test) {
  const int64_t count = c10::multiply_integers(shape);
  return (at::sin(at::arange(count, at::kDouble) * frequency) * 2 + 0.3).view(shape).to(test.type);
}

at::Tensor laid_out(const at::Tensor& x, const Case& test) {
  return test.channels_last ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

class NormKernels : public ::testing::TestWithParam<Case> {};

TEST_P(NormKernels, EqualsPlainFunctions) {
  const Case& test = GetParam();
  const at::Tensor x = laid_out(wave(test.shape, 1.7, test), test);
  const at::Tensor g = laid_out(wave(test.shape, 0.9, test), test);
  // Sums of a few hundred values of order one: 1e-12 in float64 (their rounding is 1e-14), 2e-4 in
  // float32; in bfloat16 a result that falls between two numbers may be either, which are up to
  // 2^-7 of it apart.
  const double tolerance = test.type == at::kDouble ? 1e-12 : 2e-4;
  const auto expect_close = [&](const at::Tensor& own, const at::Tensor& expected) {
    ASSERT_EQ(own.sizes(), expected.sizes());
    EXPECT_EQ(own.scalar_type(), expected.scalar_type());
    const double relative = own.scalar_type() == at::kBFloat16 ? 0x1p-7 : tolerance;
    EXPECT_TRUE(at::allclose(own, expected, relative, tolerance))
        << (own - expected).abs().max().item<double>();
  };
  const auto [mean, variance] = model::channel_moments(x);
  const auto [plain_mean, plain_variance] = model::plain::channel_moments(x);
  EXPECT_EQ(mean.scalar_type(), test.type == at::kDouble ? at::kDouble : at::kFloat);
  expect_close(mean, plain_mean);
  expect_close(variance, plain_variance);

  model::NormTerms terms{plain_mean, (plain_variance + 1e-5).rsqrt(), {}, {}, test.relu};
  if (test.terms != "none") {
    const int64_t n = test.shape[0], c = test.shape[1];
    const std::vector<int64_t> of_terms =
        test.terms == "sample" ? std::vector<int64_t>{n, c} : std::vector<int64_t>{c};
    terms.gain = wave(of_terms, 0.7, test).to(mean.scalar_type());
    terms.bias = wave(of_terms, 2.1, test).to(mean.scalar_type());
  }
  expect_close(model::norm_forward(x, terms), model::plain::norm_forward(x, terms));
  const auto [sum, product] = model::norm_gradient_sums(x, g, terms);
  const auto [plain_sum, plain_product] = model::plain::norm_gradient_sums(x, g, terms);
  expect_close(sum, plain_sum);
  expect_close(product, plain_product);
  const at::Tensor mean_g = plain_sum.mean(0), mean_gn = plain_product.mean(0);
  expect_close(model::norm_gradient_input(x, g, terms, mean_g, mean_gn),
               model::plain::norm_gradient_input(x, g, terms, mean_g, mean_gn));
}

TEST_P(NormKernels, GivesEqualBitsOnAnyNumberOfThreads) {
  const Case& test = GetParam();
  const at::Tensor x = laid_out(wave(test.shape, 1.7, test), test);
  const auto moments = [&](int threads) {
    const testing::ThreadsOfTorch of_torch(threads);
    return model::channel_moments(x);
  };
  const auto [mean, variance] = moments(1);
  const auto [threaded_mean, threaded_variance] = moments(3);
  EXPECT_TRUE(at::equal(mean, threaded_mean));
  EXPECT_TRUE(at::equal(variance, threaded_variance));
}

INSTANTIATE_TEST_SUITE_P(
    Layouts, NormKernels,
    ::testing::Values(Case{{6, 7}, "channel", true}, Case{{6, 7}, "none"},
                      Case{{3, 5, 4, 4}, "sample", true, true},
                      Case{{3, 5, 4, 4}, "sample", true, false},
                      Case{{2, 16, 9, 11}, "channel", false, true},
                      Case{{2, 33, 16, 16}, "channel", true, true, at::kFloat},
                      Case{{4, 16, 32, 32}, "sample", true, true, at::kFloat},
                      Case{{6, 7}, "channel", true, false, at::kBFloat16},
                      Case{{2, 33, 16, 16}, "none", true, true, at::kBFloat16},
                      Case{{4, 16, 32, 32}, "sample", true, true, at::kBFloat16},
                      Case{{1, 1, 1, 1}, "none", true, true}));

// What bfloat16 stores is what float32 computes with the same values, rounded: by all of its bit
// patterns.
TEST(NormKernels, RoundToBfloat16AsATenDoes) {
  const at::Tensor bits = at::arange(-32768, 32768, at::kShort);
  at::Tensor x = at::empty({4096, 16, 1, 1}, at::kBFloat16);
  x.view({65536}).view(at::kShort).copy_(bits);
  const model::NormTerms terms{
      at::full({16}, 0.3, at::kFloat), at::full({16}, 1.7, at::kFloat), {}, {}};
  const at::Tensor own = model::norm_forward(x, terms).flatten();
  const at::Tensor expected =
      model::norm_forward(x.to(at::kFloat), terms).to(at::kBFloat16).flatten();
  EXPECT_TRUE(at::equal(at::isnan(own), at::isnan(expected)));
  EXPECT_TRUE(at::equal(at::nan_to_num(own, 0), at::nan_to_num(expected, 0)));
}

TEST(NormKernels, LetNotANumberThrough) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    at::Tensor x = at::ones({1, 2, 2, 2}, type);
    x[0][1][0][0] = std::numeric_limits<double>::quiet_NaN();
    const model::NormTerms terms{at::zeros({2}), at::ones({2}), {}, {}, true};
    EXPECT_TRUE(at::isnan(model::norm_forward(x, terms)[0][1][0][0]).item<bool>());
  }
}

}  // namespace
}  // namespace bbg
