#include "eval/probe.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "eval/lbfgs.h"
#include "support/threads_communicator.h"
#include "unit/eval/labelled_points.h"

namespace bbg::eval {
namespace {

ProbeResult probe_alone(const Points& train, const Points& test, const ProbeOptions& options = {}) {
  comm::SelfCommunicator self;
  return linear_probe(self, train.features, train.labels, test.features, test.labels, options);
}

TEST(LinearProbe, ReachesAllOfSeparableData) {
  const Points train = clouds(300, 5, 3, 20, 1), test = clouds(100, 5, 3, 20, 2);
  const ProbeResult result = probe_alone(train, test);
  EXPECT_EQ(result.accuracy, 1);
  EXPECT_EQ(result.train_accuracy, 1);
  EXPECT_GT(result.iterations, 0);
}

TEST(LinearProbe, GivesChanceOnFeaturesWithoutTheLabel) {
  const Points train = clouds(4000, 3, 4, 0, 1), test = clouds(4000, 3, 4, 0, 2);
  // Standard deviation of the mean of 4000 guesses at 1/4: 0.007.
  EXPECT_NEAR(probe_alone(train, test).accuracy, 0.25, 0.03);
}

TEST(LinearProbe, HasTheGradientOfItsLoss) {
  comm::SelfCommunicator self;
  const Points points = clouds(40, 4, 3, 1, 3, at::kDouble);
  std::vector<double> weights(5 * 3), gradient, ignored;
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = std::sin(static_cast<double>(i));
  const double l2 = 0.3, step = 1e-6;
  probe_loss(self, points.features, points.labels, 3, l2, weights, gradient);
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto loss_at = [&](double shift) {
      std::vector<double> moved = weights;
      moved[i] += shift;
      return probe_loss(self, points.features, points.labels, 3, l2, moved, ignored);
    };
    // Central difference: error step^2 from the third derivative, 1e-16 / step from rounding.
    EXPECT_NEAR(gradient[i], (loss_at(step) - loss_at(-step)) / (2 * step), 1e-8) << i;
  }
}

TEST(LinearProbe, HasTheLossOfTheDefinition) {
  comm::SelfCommunicator self;
  const Points points = clouds(11, 2, 3, 1, 4, at::kDouble);
  const std::vector<double> weights = {0.5, -1, 2, 1, 0.25, -0.5, 0.1, 0.2, -0.3};
  std::vector<double> gradient;
  double expected = 0;
  for (int64_t n = 0; n < 11; ++n) {
    double logits[3], sum = 0;
    for (size_t c = 0; c < 3; ++c) {
      logits[c] = points.features[n][0].item<double>() * weights[c] +
                  points.features[n][1].item<double>() * weights[3 + c] + weights[6 + c];
      sum += std::exp(logits[c]);
    }
    expected += (std::log(sum) - logits[points.labels[n].item<int64_t>()]) / 11;
  }
  for (size_t i = 0; i < 6; ++i) expected += 0.1 / 2 * weights[i] * weights[i];
  EXPECT_NEAR(probe_loss(self, points.features, points.labels, 3, 0.1, weights, gradient), expected,
              1e-12);
}

// Two balanced classes at -1 and +1, one feature. By symmetry the difference of the two columns, v,
// solves sigmoid(-v) = l2 v / 2, found here by bisection.
TEST(LinearProbe, FindsTheClosedFormOptimum) {
  comm::SelfCommunicator self;
  const at::Tensor features = at::tensor({-1.0, 1.0, -1.0, 1.0}, at::kDouble).unsqueeze(1);
  const at::Tensor labels = at::tensor({0, 1, 0, 1}, at::kLong);
  const double l2 = 0.05;
  const LbfgsResult best = minimise(
      [&](const std::vector<double>& weights, std::vector<double>& gradient) {
        return probe_loss(self, features, labels, 2, l2, weights, gradient);
      },
      std::vector<double>(4), {.tolerance = 1e-10});
  EXPECT_LE(best.largest_gradient, 1e-10);
  double low = 0, high = 100;
  for (int i = 0; i < 100; ++i) {
    const double v = (low + high) / 2;
    (1 / (1 + std::exp(v)) > l2 * v / 2 ? low : high) = v;
  }
  EXPECT_NEAR(best.x[1] - best.x[0], low, 1e-8);
  EXPECT_NEAR(best.x[2], 0, 1e-8);  // biases
}

TEST(LinearProbe, IsTheSameOnAnyNumberOfRanks) {
  for (const bool choose : {false, true}) {
    const ProbeOptions options{.choose_l2 = choose, .iterations = 60};
    const Points train = clouds(600, 12, 5, 0.7, 1, at::kDouble);
    const Points test = clouds(400, 12, 5, 0.7, 2, at::kDouble);
    const ProbeResult alone = probe_alone(train, test, options);
    EXPECT_GT(alone.accuracy, 0.5);
    EXPECT_LT(alone.accuracy, 0.98);
    for (const int size : {2, 3}) {
      bbg::testing::run_ranks(size, [&](comm::Communicator& communicator) {
        const Points own = train.part(communicator, true), measured = test.part(communicator);
        const ProbeResult result = linear_probe(communicator, own.features, own.labels,
                                                measured.features, measured.labels, options);
        // float64: another order of sums moves no sample over a border.
        EXPECT_EQ(result.accuracy, alone.accuracy);
        EXPECT_EQ(result.train_accuracy, alone.train_accuracy);
        EXPECT_EQ(result.l2, alone.l2);
      });
    }
  }
}

TEST(LinearProbe, SumsLossAndGradientOverRanks) {
  const Points points = clouds(90, 6, 4, 1, 5);
  std::vector<double> weights(7 * 4, 0.1), expected;
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = std::cos(static_cast<double>(i));
  comm::SelfCommunicator self;
  const double loss = probe_loss(self, points.features, points.labels, 4, 0.01, weights, expected);
  bbg::testing::run_ranks(3, [&](comm::Communicator& communicator) {
    const Points own = points.part(communicator);
    // 28 weights: 10, 10, 8 and two zeros.
    const size_t size = 10, first = 10 * static_cast<size_t>(communicator.rank());
    ASSERT_EQ(probe_slice(6, 4, 3), 10);
    std::vector<double> slice(size), gradient;
    for (size_t i = 0; i < size && first + i < weights.size(); ++i) slice[i] = weights[first + i];
    // float32 sums of 90 terms of size 1, in another order.
    EXPECT_NEAR(probe_loss(communicator, own.features, own.labels, 4, 0.01, slice, gradient), loss,
                1e-6);
    ASSERT_EQ(gradient.size(), size);
    for (size_t i = 0; i < size; ++i) {
      EXPECT_NEAR(gradient[i], first + i < expected.size() ? expected[first + i] : 0, 1e-6);
    }
  });
}

TEST(LinearProbe, DoesNotDependOnScaleAndShiftOfAFeature) {
  const Points train = clouds(400, 4, 3, 1, 1), test = clouds(400, 4, 3, 1, 2);
  const at::Tensor scale = at::tensor({1e-4f, 1.f, 50.f, 1e4f});
  const at::Tensor shift = at::tensor({1e-3f, -5.f, 1000.f, 1e5f});
  const auto moved = [&](const Points& points) {
    return Points{points.features * scale + shift, points.labels};
  };
  // 100 / 1e5 of float32's 24 bits are left to a feature: one sample in 400 may change sides.
  EXPECT_NEAR(probe_alone(moved(train), moved(test)).accuracy, probe_alone(train, test).accuracy,
              1.0 / 400 + 1e-9);
}

TEST(LinearProbe, IgnoresConstantFeatures) {
  const Points train = clouds(200, 3, 2, 1, 1), test = clouds(200, 3, 2, 1, 2);
  const auto widened = [](const Points& points, float value) {
    const at::Tensor constant = at::full({points.labels.numel(), 2}, value);
    return Points{at::cat({points.features, constant}, 1), points.labels};
  };
  const double expected = probe_alone(train, test).accuracy;
  EXPECT_EQ(probe_alone(widened(train, 1234.567f), widened(test, 1234.567f)).accuracy, expected);
  EXPECT_EQ(probe_alone(widened(train, 0), widened(test, 9)).accuracy, expected);
}

TEST(LinearProbe, ChoosesStrongRegularisationWhereFeaturesAreMostlyNoise) {
  const Points train = clouds(150, 200, 2, 0.1, 1), test = clouds(2000, 200, 2, 0.1, 2);
  const ProbeResult weak = probe_alone(train, test, {.l2 = 1e-5});
  const ProbeResult chosen = probe_alone(train, test, {.choose_l2 = true});
  EXPECT_GE(chosen.l2, 1e-2);
  EXPECT_GT(chosen.accuracy, weak.accuracy);
}

TEST(LinearProbe, IsNotANumberWhenAFeatureOfAnyRankIsNot) {
  const Points train = clouds(20, 3, 2, 1, 1), test = clouds(20, 3, 2, 1, 2);
  train.features[19][0] = std::numeric_limits<float>::infinity();
  bbg::testing::run_ranks(2, [&](comm::Communicator& communicator) {
    const Points own = train.part(communicator), measured = test.part(communicator);
    EXPECT_TRUE(std::isnan(
        linear_probe(communicator, own.features, own.labels, measured.features, measured.labels, {})
            .accuracy));
  });
}

TEST(LinearProbe, RefusesASampleWithoutLabelOnAllRanks) {
  const Points train = clouds(20, 3, 2, 1, 1), test = clouds(20, 3, 2, 1, 2);
  test.labels[19] = -1;
  bbg::testing::run_ranks(2, [&](comm::Communicator& communicator) {
    const Points own = train.part(communicator), measured = test.part(communicator);
    EXPECT_THROW(linear_probe(communicator, own.features, own.labels, measured.features,
                              measured.labels, {}),
                 core::UsageError);
  });
}

TEST(LinearProbe, RefusesAnEmptySplit) {
  const Points train = clouds(20, 3, 2, 1, 1);
  EXPECT_THROW(probe_alone(train, {train.features.narrow(0, 0, 0), train.labels.narrow(0, 0, 0)}),
               core::UsageError);
  EXPECT_THROW(probe_alone({train.features.narrow(0, 0, 0), train.labels.narrow(0, 0, 0)}, train),
               core::UsageError);
}

}  // namespace
}  // namespace bbg::eval
