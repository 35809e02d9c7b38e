#pragma once
// Effective weights and power iterations of a GPU's kernels, against ATen's functions and autograd
// on the same values, on any device.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ops/gpu_weights.h"
#include "ops/ops.h"

namespace bbg::testing {

struct WeightCase {
  std::vector<int64_t> shape;
  ops::Resample resample = ops::Resample::kNone;
  bool spectral = true;
  at::ScalarType type = at::kDouble;  // the effective weight's
};

inline void PrintTo(const WeightCase& test, std::ostream* out) {
  *out << at::IntArrayRef(test.shape)
       << (test.resample == ops::Resample::kPoolAfter        ? " pooled"
           : test.resample == ops::Resample::kUpsampleBefore ? " upsampled"
                                                             : "")
       << (test.spectral ? " spectral " : " ") << test.type;
}

inline std::vector<WeightCase> weight_cases() {
  using ops::Resample;
  std::vector<WeightCase> all = {
      {{7, 5}},
      {{300, 700}, Resample::kNone, true, at::kFloat},
      {{1, 64}},
      {{70, 3, 1, 1}, Resample::kNone, true, at::kBFloat16},
      {{65, 33, 3, 3}},
      {{33, 65, 3, 3}, Resample::kNone, true, at::kBFloat16},
      {{12, 9, 4, 4}},
      {{64, 96, 3, 3}, Resample::kPoolAfter, true, at::kFloat},
      {{96, 64, 3, 3}, Resample::kUpsampleBefore, true, at::kFloat},
  };
  for (const Resample resample : {Resample::kPoolAfter, Resample::kUpsampleBefore}) {
    for (const bool spectral : {false, true}) {
      for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
        all.push_back({{37, 11, 3, 3}, resample, spectral, type});
      }
    }
  }
  return all;
}

inline at::Tensor of_weight(at::IntArrayRef shape, double frequency, at::ScalarType type,
                            at::Device device) {
  const int64_t count = c10::multiply_integers(shape);
  return at::sin((at::arange(count, at::kDouble) + 1) * frequency).view(shape).to(device, type);
}

inline at::ScalarType parameter_type(const WeightCase& test) {
  return test.type == at::kDouble ? at::kDouble : at::kFloat;
}

// Sums of up to some thousand products of order one, in another order: 1e-11 in float64 and 2e-4 in
// float32 of the largest value.
inline void expect_close_weights(const at::Tensor& own, const at::Tensor& expected,
                                 const char* what) {
  ASSERT_EQ(own.sizes(), expected.sizes()) << what;
  ASSERT_EQ(own.scalar_type(), expected.scalar_type()) << what;
  const double scale = expected.abs().max().item<double>() + 1e-30;
  const double difference = (own - expected).abs().max().item<double>();
  EXPECT_LE(difference, scale * (own.scalar_type() == at::kDouble ? 1e-11 : 2e-4)) << what;
}

inline void expect_plain_weights(const WeightCase& test, at::Device device, ops::Ops& own_ops) {
  const at::ScalarType own_type = parameter_type(test);
  const at::Tensor weight = of_weight(test.shape, 1.7, own_type, device).set_requires_grad(true);
  ASSERT_TRUE(ops::WeightKernels::takes(weight, test.resample));
  ops::PowerIteration iteration;
  if (test.spectral) {
    iteration = ops::iterate(weight, of_weight({test.shape[0]}, 0.3, own_type, device), 1e-6);
  }
  at::Tensor expected = test.spectral ? ops::divided_by_norm(weight, iteration) : weight * 1;
  if (test.resample == ops::Resample::kPoolAfter) expected = ops::pooling_kernel(expected);
  if (test.resample == ops::Resample::kUpsampleBefore) {
    expected = ops::upsampling_kernel(expected);
  }
  expected = expected.to(test.type);
  const at::Tensor twin = weight.detach().clone().set_requires_grad(true);
  const at::Tensor own = own_ops.effective_weight(twin, iteration, test.resample, test.type);
  // The same additions in the same order.
  EXPECT_TRUE(at::equal(own, expected));
  EXPECT_TRUE(own.dim() == 2 || own.is_contiguous(at::MemoryFormat::ChannelsLast));

  const at::Tensor gradient = of_weight(expected.sizes(), 0.9, test.type, device);
  expected.backward(gradient);
  own.backward(gradient);
  expect_close_weights(twin.grad(), weight.grad(), "gradient");
}

// All of a network at a time; some are smaller than one block of threads, and some much larger.
inline void expect_plain_iterations(at::ScalarType type, at::Device device, ops::Ops& own_ops) {
  const std::vector<std::vector<int64_t>> shapes = {
      {7, 5}, {1, 300}, {300, 1}, {65, 3, 3, 3}, {130, 40, 3, 3}, {64, 256}, {200, 257}, {2, 2}};
  ops::SpectralWeights spectral;
  auto& weights = spectral.all;
  std::vector<at::Tensor> starts;
  for (const auto& shape : shapes) {
    const double frequency = 0.3 + 0.1 * static_cast<double>(weights.size());
    starts.push_back(of_weight({shape[0]}, frequency, type, device));
    weights.push_back(std::make_shared<ops::SpectralWeight>(ops::SpectralWeight{
        .raw = of_weight(shape, 1.7 * frequency, type, device), .u = starts.back().clone()}));
  }
  weights.back()->raw.zero_();  // its vectors are shorter than eps
  for (const bool moves : {false, true, true}) {
    own_ops.iterate(spectral, 1e-6, moves);
    for (size_t i = 0; i < weights.size(); ++i) {
      SCOPED_TRACE(i);
      const ops::PowerIteration expected = ops::iterate(weights[i]->raw, starts[i], 1e-6);
      expect_close_weights(weights[i]->iteration.v, expected.v, "v");
      expect_close_weights(weights[i]->iteration.u, expected.u, "u");
      expect_close_weights(weights[i]->iteration.sigma, expected.sigma, "sigma");
      EXPECT_TRUE(at::equal(weights[i]->u, moves ? weights[i]->iteration.u : starts[i]));
      if (moves) starts[i] = weights[i]->u.clone();
    }
  }
}

}  // namespace bbg::testing
