#pragma once
// Bias and epilogue of a convolution in one pass, against ATen's functions and autograd, on any
// device.

#include <gtest/gtest.h>

#include <vector>

#include "ops/gpu_norm.h"
#include "ops/resample.h"
#include "support/norm_case.h"

namespace bbg::testing {

struct EndCase {
  int64_t channels = 16;
  at::ScalarType type = at::kDouble;
  enum Skip { kNone, kSame, kUpsampled } skip = kNone;
  bool relu = false;
};

inline void PrintTo(const EndCase& test, std::ostream* out) {
  *out << test.channels << " " << test.type << (test.relu ? " relu" : "")
       << (test.skip == EndCase::kUpsampled ? " upsampled skip"
           : test.skip == EndCase::kSame    ? " skip"
                                            : "");
}

inline std::vector<EndCase> end_cases() {
  std::vector<EndCase> all;
  for (const int64_t channels : {3, 16, 264}) {
    for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
      for (const auto skip : {EndCase::kNone, EndCase::kSame, EndCase::kUpsampled}) {
        for (const bool relu : {false, true}) all.push_back({channels, type, skip, relu});
      }
    }
  }
  return all;
}

inline void expect_plain_end(const EndCase& test, at::Device device, ops::NormKernels& kernels) {
  const auto values = [&](std::vector<int64_t> shape, double frequency) {
    const NormCase of{shape, "none", false, shape.size() == 4, test.type};
    return laid_out(wave(shape, frequency, of), of).to(device);
  };
  struct Leaves {
    at::Tensor y, bias, skip;
  };
  const auto leaves = [&] {
    Leaves made{values({2, test.channels, 6, 10}, 1.7), values({test.channels}, 0.7), {}};
    if (test.skip == EndCase::kSame) made.skip = values({2, test.channels, 6, 10}, 1.1);
    if (test.skip == EndCase::kUpsampled) made.skip = values({2, test.channels, 3, 5}, 1.1);
    made.y.set_requires_grad(true);
    made.bias.set_requires_grad(true);
    if (made.skip.defined()) made.skip.set_requires_grad(true);
    return made;
  };
  const bool is_upsampled = test.skip == EndCase::kUpsampled;
  const Leaves own = leaves(), other = leaves();
  const at::Tensor ended =
      ops::apply_epilogue(kernels, own.y * 1, own.bias, {own.skip, is_upsampled, test.relu});
  // In one rounding.
  const at::ScalarType exact = test.type == at::kBFloat16 ? at::kFloat : test.type;
  at::Tensor expected = other.y.to(exact) + other.bias.to(exact).view({-1, 1, 1});
  if (other.skip.defined()) {
    const at::Tensor skip = other.skip.to(exact);
    expected = expected + (is_upsampled ? ops::upsample_nearest(skip) : skip);
  }
  expected = (test.relu ? expected.relu() : expected).to(test.type);
  EXPECT_TRUE(at::equal(ended, expected));

  const at::Tensor g = values({2, test.channels, 6, 10}, 0.9);
  ended.backward(g);
  expected.backward(g);
  // Sums of up to 120 values of order one; bfloat16 has 8 bits.
  const double tolerance = test.type == at::kDouble  ? 1e-12
                           : test.type == at::kFloat ? 1e-4
                                                     : 0x1p-6;
  const auto expect_close = [&](const at::Tensor& a, const at::Tensor& b, const char* what) {
    const double scale = 1 + b.abs().max().item<double>();
    EXPECT_LE((a - b).abs().max().item<double>(), tolerance * scale) << what;
  };
  EXPECT_TRUE(at::equal(own.y.grad(), other.y.grad()));
  expect_close(own.bias.grad(), other.bias.grad(), "bias");
  if (own.skip.defined()) expect_close(own.skip.grad(), other.skip.grad(), "skip");
}

}  // namespace bbg::testing
