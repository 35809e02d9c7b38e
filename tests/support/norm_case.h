#pragma once
// The passes over data of batch norm against ATen's functions on the same values, in every layout,
// on any device.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/norm_kernels.h"

namespace bbg::testing {

struct NormCase {
  std::vector<int64_t> shape;
  std::string terms;  // "none", "channel" or "sample": what gain and bias belong to
  bool relu = false, channels_last = false;
  at::ScalarType type = at::kDouble;
};

inline void PrintTo(const NormCase& test, std::ostream* out) {
  *out << at::IntArrayRef(test.shape) << " " << test.terms << (test.relu ? " relu" : "")
       << (test.channels_last ? " channels last" : "") << " " << test.type;
}

inline at::Tensor wave(at::IntArrayRef shape, double frequency, const NormCase& test) {
  const int64_t count = c10::multiply_integers(shape);
  return (at::sin(at::arange(count, at::kDouble) * frequency) * 2 + 0.3).view(shape).to(test.type);
}

inline at::Tensor laid_out(const at::Tensor& x, const NormCase& test) {
  return test.channels_last ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

// The functions that training calls, which choose by device and type.
struct ChosenPasses {
  static auto channel_moments(const at::Tensor& x) { return model::channel_moments(x); }
  static auto norm_forward(const at::Tensor& x, const model::NormTerms& terms) {
    return model::norm_forward(x, terms);
  }
  static auto norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                 const model::NormTerms& terms) {
    return model::norm_gradient_sums(x, g, terms);
  }
  static auto norm_gradient_input(const at::Tensor& x, const at::Tensor& g,
                                  const model::NormTerms& terms, const at::Tensor& mean_g,
                                  const at::Tensor& mean_gn) {
    return model::norm_gradient_input(x, g, terms, mean_g, mean_gn);
  }
};

// passes: ChosenPasses or model::NormKernels.
template <class Passes>
void expect_plain_functions(const NormCase& test, at::Device device, Passes&& passes) {
  const at::Tensor x = laid_out(wave(test.shape, 1.7, test), test).to(device);
  const at::Tensor g = laid_out(wave(test.shape, 0.9, test), test).to(device);
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
  const auto [mean, variance] = passes.channel_moments(x);
  const auto [plain_mean, plain_variance] = model::plain::channel_moments(x);
  EXPECT_EQ(mean.scalar_type(), test.type == at::kDouble ? at::kDouble : at::kFloat);
  expect_close(mean, plain_mean);
  expect_close(variance, plain_variance);

  model::NormTerms terms{plain_mean, (plain_variance + 1e-5).rsqrt(), {}, {}, test.relu};
  if (test.terms != "none") {
    const int64_t n = test.shape[0], c = test.shape[1];
    const std::vector<int64_t> of_terms =
        test.terms == "sample" ? std::vector<int64_t>{n, c} : std::vector<int64_t>{c};
    terms.gain = wave(of_terms, 0.7, test).to(mean.options());
    terms.bias = wave(of_terms, 2.1, test).to(mean.options());
  }
  expect_close(passes.norm_forward(x, terms), model::plain::norm_forward(x, terms));
  const auto [sum, product] = passes.norm_gradient_sums(x, g, terms);
  const auto [plain_sum, plain_product] = model::plain::norm_gradient_sums(x, g, terms);
  expect_close(sum, plain_sum);
  expect_close(product, plain_product);
  const at::Tensor mean_g = plain_sum.mean(0), mean_gn = plain_product.mean(0);
  expect_close(passes.norm_gradient_input(x, g, terms, mean_g, mean_gn),
               model::plain::norm_gradient_input(x, g, terms, mean_g, mean_gn));
}

inline std::vector<NormCase> norm_cases() {
  return {NormCase{{6, 7}, "channel", true},
          NormCase{{6, 7}, "none"},
          NormCase{{3, 5, 4, 4}, "sample", true, true},
          NormCase{{3, 5, 4, 4}, "sample", true, false},
          NormCase{{2, 16, 9, 11}, "channel", false, true},
          NormCase{{2, 33, 16, 16}, "channel", true, true, at::kFloat},
          NormCase{{4, 16, 32, 32}, "sample", true, true, at::kFloat},
          NormCase{{6, 7}, "channel", true, false, at::kBFloat16},
          NormCase{{2, 33, 16, 16}, "none", true, true, at::kBFloat16},
          NormCase{{4, 16, 32, 32}, "sample", true, true, at::kBFloat16},
          NormCase{{1, 1, 1, 1}, "none", true, true}};
}

// Rows longer than a block of threads, many rows for the blocks to share, and each of both alone.
inline std::vector<NormCase> norm_sizes() {
  return {NormCase{{5, 4096}, "channel", true, false, at::kFloat},
          NormCase{{3, 8200}, "sample", true, false, at::kBFloat16},
          NormCase{{2, 1028, 5, 5}, "sample", true, true},
          NormCase{{7, 96, 40, 40}, "sample", true, true},
          NormCase{{1, 2, 300, 300}, "channel", true, true},
          NormCase{{3, 24, 65, 33}, "channel", false, true, at::kBFloat16}};
}

}  // namespace bbg::testing
