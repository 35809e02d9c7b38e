// The codes drawn for a batch: the prior, whole and truncated.

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "train/step.h"

namespace bbg::train {
namespace {

constexpr int64_t kRows = 500, kDim = 100;

at::Tensor codes(const Truncation& truncation, int64_t first = 0, int64_t count = kRows) {
  model::ModelOptions options;
  options.system = model::System::kGan;
  options.z_dim = kDim;
  return make_noise(3, 7, {first, count}, options, at::kDouble, false, truncation).z;
}

// Variance of a standard normal within [-t, t].
double truncated_variance(double t) {
  const double density = std::exp(-t * t / 2) / std::sqrt(2 * std::numbers::pi);
  return 1 - 2 * t * density / std::erf(t / std::numbers::sqrt2);
}

TEST(Noise, TruncationRedrawsComponentsBeyondTheThresholdAndNoOther) {
  const at::Tensor whole = codes({});
  for (const double threshold : {0.1, 0.5, 2.0}) {
    const at::Tensor cut = codes({.threshold = threshold});
    EXPECT_LE(cut.abs().max().item<double>(), threshold);
    const at::Tensor inside = whole.abs() <= threshold;
    EXPECT_TRUE(at::equal(cut.masked_select(inside), whole.masked_select(inside)));
    EXPECT_FALSE(inside.all().item<bool>());
    // 50,000 numbers: the mean square's deviation is below its value times sqrt(2 / 50,000).
    EXPECT_NEAR(cut.square().mean().item<double>() / truncated_variance(threshold), 1, 0.03);
    EXPECT_NEAR(cut.mean().item<double>() / threshold, 0, 0.02);
  }
}

TEST(Noise, HubTruncationMultipliesANormalCutAtTwo) {
  EXPECT_TRUE(at::equal(codes({.threshold = 2, .scale = 0.5}), codes({.threshold = 2}) * 0.5));
}

TEST(Noise, TruncatedRowsDoNotDependOnWhoDrawsThem) {
  const Truncation truncation{.threshold = 0.3};
  EXPECT_TRUE(at::equal(codes(truncation, 120, 50), codes(truncation).narrow(0, 120, 50)));
}

TEST(Noise, WithoutTruncationNothingIsDrawnAgain) {
  const at::Tensor whole = codes({});
  EXPECT_GT(whole.abs().max().item<double>(), 3.5);  // some 20 of 50,000 are
  EXPECT_TRUE(at::equal(codes({.threshold = 100}), whole));
}

}  // namespace
}  // namespace bbg::train
