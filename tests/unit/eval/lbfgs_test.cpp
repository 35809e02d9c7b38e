#include "eval/lbfgs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace bbg::eval {
namespace {

TEST(Lbfgs, FindsTheMinimumOfAnIllConditionedQuadratic) {
  // 1/2 sum a_i (x_i - i)^2 with a from 1 to 1e4: minimum 0 at x_i = i.
  const size_t size = 30;
  const auto curvature = [&](size_t i) {
    return std::pow(10.0, 4.0 * static_cast<double>(i) / static_cast<double>(size - 1));
  };
  const LbfgsResult result = minimise(
      [&](const std::vector<double>& x, std::vector<double>& gradient) {
        double value = 0;
        for (size_t i = 0; i < size; ++i) {
          const double distance = x[i] - static_cast<double>(i);
          value += curvature(i) * distance * distance / 2;
          gradient[i] = curvature(i) * distance;
        }
        return value;
      },
      std::vector<double>(size), {.iterations = 1000, .history = 60, .tolerance = 1e-9});
  EXPECT_LE(result.largest_gradient, 1e-9);
  for (size_t i = 0; i < size; ++i) EXPECT_NEAR(result.x[i], static_cast<double>(i), 1e-9);
  // An independent transcription of the algorithm in numpy takes 182 with a history of 50.
  EXPECT_LT(result.iterations, 250);
}

TEST(Lbfgs, FindsTheMinimumOfRosenbrocksValley) {
  const Objective rosenbrock = [](const std::vector<double>& x, std::vector<double>& gradient) {
    const double a = 1 - x[0], b = x[1] - x[0] * x[0];
    gradient[0] = -2 * a - 400 * x[0] * b;
    gradient[1] = 200 * b;
    return a * a + 100 * b * b;
  };
  const LbfgsResult result =
      minimise(rosenbrock, {-1.2, 1.0}, {.iterations = 200, .tolerance = 1e-10});
  EXPECT_NEAR(result.x[0], 1, 1e-9);
  EXPECT_NEAR(result.x[1], 1, 1e-9);
  EXPECT_LT(result.iterations, 60);
  const LbfgsResult limited = minimise(rosenbrock, {-1.2, 1.0}, {.iterations = 3});
  EXPECT_EQ(limited.iterations, 3);
  EXPECT_LT(limited.value, 24.2);  // the start's
}

// Ranks on any hardware take equal steps, and so do versions of this program.
TEST(Lbfgs, TakesTheSameStepsAsEver) {
  const Objective chained = [](const std::vector<double>& x, std::vector<double>& gradient) {
    double value = 0;
    for (double& slope : gradient) slope = 0;
    for (size_t i = 0; i + 1 < x.size(); ++i) {
      const double a = 1 - x[i], b = x[i + 1] - x[i] * x[i];
      value += a * a + 100 * b * b;
      gradient[i] += -2 * a - 400 * x[i] * b;
      gradient[i + 1] += 200 * b;
    }
    return value;
  };
  const LbfgsResult result = minimise(chained, std::vector<double>(12, -1.2), {.iterations = 40});
  EXPECT_EQ(result.iterations, 40);
  EXPECT_EQ(result.x[0], 0x1.fc6c57cc9e2bbp-1);
  EXPECT_EQ(result.x[11], -0x1.3df6b4688fd96p-10);
  EXPECT_EQ(result.value, 0x1.ef6149ba23227p+1);
}

TEST(Lbfgs, ReturnsAMinimumItStartsFrom) {
  int64_t calls = 0;
  const LbfgsResult result = minimise(
      [&](const std::vector<double>& x, std::vector<double>& gradient) {
        ++calls;
        gradient[0] = 2 * x[0];
        return x[0] * x[0];
      },
      {0.0}, {});
  EXPECT_EQ(result.iterations, 0);
  EXPECT_EQ(calls, 1);
}

TEST(Lbfgs, EndsOnAFunctionThatIsNotANumber) {
  const LbfgsResult result = minimise(
      [](const std::vector<double>& x, std::vector<double>& gradient) {
        gradient[0] = 1;
        return x[0] == 0 ? 0.0 : std::numeric_limits<double>::quiet_NaN();
      },
      {0.0}, {});
  EXPECT_EQ(result.iterations, 0);
  EXPECT_EQ(result.x[0], 0);
}

}  // namespace
}  // namespace bbg::eval
