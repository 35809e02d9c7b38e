#pragma once
// The passes over data of batch norm against ATen's functions on the same values, in every layout,
// on any device.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ops/cpu_norm.h"
#include "ops/ops.h"
#include "ops/plain_norm.h"

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

// Sums of a few hundred values of order one: 1e-12 in float64 (their rounding is 1e-14), 2e-4 in
// float32; in bfloat16 a result that falls between two numbers may be either, which are up to 2^-7
// of it apart.
inline void expect_close_norm(const at::Tensor& own, const at::Tensor& expected,
                              const NormCase& test, const char* what) {
  const double tolerance = test.type == at::kDouble ? 1e-12 : 2e-4;
  ASSERT_EQ(own.sizes(), expected.sizes()) << what;
  EXPECT_EQ(own.scalar_type(), expected.scalar_type()) << what;
  const double relative = own.scalar_type() == at::kBFloat16 ? 0x1p-7 : tolerance;
  EXPECT_TRUE(at::allclose(own, expected, relative, tolerance))
      << what << " differs by " << (own - expected).abs().max().item<double>();
}

// The terms with these statistics, and gain and bias of `test`.
inline ops::NormTerms terms_of(const NormCase& test, const at::Tensor& mean,
                               const at::Tensor& variance) {
  ops::NormTerms terms{mean, (variance + 1e-5).rsqrt(), {}, {}, test.relu};
  if (test.terms != "none") {
    const int64_t n = test.shape[0], c = test.shape[1];
    const std::vector<int64_t> of_terms =
        test.terms == "sample" ? std::vector<int64_t>{n, c} : std::vector<int64_t>{c};
    terms.gain = wave(of_terms, 0.7, test).to(mean.options());
    terms.bias = wave(of_terms, 2.1, test).to(mean.options());
  }
  return terms;
}

// The passes of the CPU by themselves.
inline void expect_plain_passes(const NormCase& test) {
  const at::Tensor x = laid_out(wave(test.shape, 1.7, test), test);
  const at::Tensor g = laid_out(wave(test.shape, 0.9, test), test);
  const auto [mean, variance] = ops::cpu::channel_moments(x);
  const auto [plain_mean, plain_variance] = ops::plain::channel_moments(x);
  EXPECT_EQ(mean.scalar_type(), test.type == at::kDouble ? at::kDouble : at::kFloat);
  expect_close_norm(mean, plain_mean, test, "mean");
  expect_close_norm(variance, plain_variance, test, "variance");
  const ops::NormTerms terms = terms_of(test, plain_mean, plain_variance);
  expect_close_norm(ops::cpu::norm_forward(x, terms), ops::plain::norm_forward(x, terms), test,
                    "y");
  const auto [sum, product] = ops::cpu::norm_gradient_sums(x, g, terms);
  const auto [plain_sum, plain_product] = ops::plain::norm_gradient_sums(x, g, terms);
  expect_close_norm(sum, plain_sum, test, "sum of g");
  expect_close_norm(product, plain_product, test, "sum of g n");
  const at::Tensor mean_g = plain_sum.mean(0), mean_gn = plain_product.mean(0);
  expect_close_norm(ops::cpu::norm_gradient_input(x, g, terms, mean_g, mean_gn),
                    ops::plain::norm_gradient_input(x, g, terms, mean_g, mean_gn), test,
                    "gradient of x");
}

// The norm of an implementation of ops.h, for the device.
inline void expect_plain_norm(const NormCase& test, at::Device device, ops::Ops& own_ops) {
  const at::Tensor x = laid_out(wave(test.shape, 1.7, test), test).to(device);
  const at::Tensor g = laid_out(wave(test.shape, 0.9, test), test).to(device);
  const double count = static_cast<double>(x.numel() / x.size(1));
  const auto [plain_mean, plain_variance] = ops::plain::channel_moments(x);
  const at::Tensor packed = own_ops.norm_moments(x);
  EXPECT_EQ(packed.scalar_type(), test.type == at::kDouble ? at::kDouble : at::kFloat);
  const int64_t c = test.shape[1];
  expect_close_norm(packed.narrow(0, 0, c), plain_mean, test, "mean");
  expect_close_norm(packed.narrow(0, c, c), plain_variance, test, "variance");
  EXPECT_EQ(packed[2 * c].item<double>(), count);

  // Merges one rank, and three with unequal numbers of samples.
  const at::Tensor moments = packed.narrow(0, 0, 2 * c), samples = packed.narrow(0, 2 * c, 1);
  const at::Tensor larger = at::cat({moments * 0.5, samples * 3}),
                   shifted = at::cat({moments + 1, samples});
  for (const at::Tensor& all : {packed.unsqueeze(0), at::stack({packed, larger, shifted})}) {
    const at::Tensor means = all.narrow(1, 0, c), variances = all.narrow(1, c, c),
                     counts = all.narrow(1, 2 * c, 1), total = counts.sum();
    const at::Tensor merged = (means * counts).sum(0) / total;
    const at::Tensor variance = ((variances + (means - merged).square()) * counts).sum(0) / total;
    at::Tensor running_mean = at::full_like(merged, 0.25), running = at::full_like(merged, 2);
    const at::Tensor moved_mean = running_mean.lerp(merged, 0.1),
                     moved = running.lerp(variance * (total / (total - 1).clamp_min(1)), 0.1);
    const ops::NormStatistics own = own_ops.merge_norm_moments(all, 1e-5, {});
    expect_close_norm(own.mean, merged, test, "merged mean");
    expect_close_norm(own.variance, variance, test, "merged variance");
    expect_close_norm(own.inverse * (variance + 1e-5).sqrt(), at::ones_like(merged), test,
                      "inverse");
    expect_close_norm(own.count, total, test, "count");
    own_ops.merge_norm_moments(all, 1e-5, {running_mean, running, 0.1});
    expect_close_norm(running_mean, moved_mean, test, "running mean");
    expect_close_norm(running, moved, test, "running variance");
  }

  const ops::NormTerms terms = terms_of(test, plain_mean, plain_variance);
  expect_close_norm(own_ops.norm_forward(x, terms), ops::plain::norm_forward(x, terms), test, "y");
  const auto [plain_sum, plain_product] = ops::plain::norm_gradient_sums(x, g, terms);
  const ops::NormGradientSums own = own_ops.norm_gradient_sums(x, g, terms);
  EXPECT_EQ(own.of_gain.defined(), terms.gain.defined());
  if (terms.gain.defined()) {
    const bool of_samples = test.terms == "sample";
    expect_close_norm(own.of_bias, of_samples ? plain_sum : plain_sum.sum(0), test, "bias");
    expect_close_norm(own.of_gain, of_samples ? plain_product : plain_product.sum(0), test, "gain");
  }
  const at::Tensor gain = terms.gain.defined() ? terms.gain : at::ones_like(plain_mean);
  const at::Tensor sums = at::stack({(plain_sum * gain).sum(0), (plain_product * gain).sum(0)});
  expect_close_norm(own.sums, sums, test, "sums");
  const at::Tensor total = at::full({}, count, sums.options());
  expect_close_norm(own_ops.norm_gradient_input(x, g, terms, sums, total),
                    ops::plain::norm_gradient_input(x, g, terms, sums[0] / count, sums[1] / count),
                    test, "gradient of x");
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
