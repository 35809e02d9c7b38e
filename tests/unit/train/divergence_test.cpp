#include "train/divergence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/draws.h"
#include "support/rounds_otherwise.h"

namespace bbg::train {
namespace {

using ::testing::HasSubstr;

TrainOptions options(Watch watch, int64_t window = 4) {
  TrainOptions options;
  options.watch = watch;
  options.watch_window = window;
  return options;
}

// D's three terms, equal to each other.
core::Values losses(double each) {
  return {{"loss_d", 3 * each},   {"loss_d_x", each},   {"loss_d_z", each},    {"loss_d_xz", each},
          {"loss_ge", -2 * each}, {"loss_ge_x", -each}, {"grad_norm_d", 0.125}};
}
core::Values spectra(double g, double d) {
  core::Values values = losses(1);
  values.emplace_back("sigma.G.linear.weight", g);
  values.emplace_back("sigma_max_G", g);
  values.emplace_back("sigma_max_D", d);
  return values;
}

TEST(DivergenceWatch, EndsAtWhatIsNotANumberUnlessItIsToGoBack) {
  for (const auto& [watch, expected] :
       std::map<Watch, Answer>{{Watch::kOff, Answer::kEnd},
                               {Watch::kReport, Answer::kEnd},
                               {Watch::kStop, Answer::kEnd},
                               {Watch::kRollback, Answer::kGoBack}}) {
    SCOPED_TRACE(static_cast<int>(watch));
    for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      DivergenceWatch guard(options(watch), {});
      EXPECT_FALSE(guard.observe(10, losses(1), true));
      EXPECT_FALSE(guard.observe(15, losses(1), false));
      core::Values values = losses(1);
      values[3].second = bad;
      // Also between regular reports.
      const auto trouble = guard.observe(20, values, false);
      ASSERT_TRUE(trouble);
      EXPECT_EQ(trouble->text, "loss_d_xz is not a number at step 20");
      EXPECT_EQ(trouble->since, 15);  // the update after step 15 may have spoilt that state
      EXPECT_EQ(trouble->answer, expected);
    }
  }
}

// Ranks must hear the same: at the border of what counts as zero it hangs on the last bit.
TEST(DivergenceWatch, AnswersTheSameOnEveryProcessor) {
  TrainOptions at_half = options(Watch::kStop);
  at_half.watch_margin = 0.5;
  loss::LossOptions logistic;
  logistic.kind = loss::Kind::kLogistic;
  DivergenceWatch here(at_half, logistic);
  const testing::RoundsOtherwise other_processor;
  DivergenceWatch there(at_half, logistic);
  for (int64_t step = 1; step <= 8; ++step) {
    EXPECT_FALSE(here.observe(step, losses(std::numbers::ln2), true));
    EXPECT_FALSE(there.observe(step, losses(std::numbers::ln2), true));
  }
}

TEST(DivergenceWatch, FindsANormOfAGradientThatIsNotFinite) {
  DivergenceWatch guard(options(Watch::kStop), {});
  core::Values values = losses(1);
  values.emplace_back("grad_norm_g", std::numeric_limits<double>::infinity());
  const auto trouble = guard.observe(1, values, true);
  ASSERT_TRUE(trouble);
  EXPECT_EQ(trouble->text, "grad_norm_g is not a number at step 1");
}

TEST(DivergenceWatch, GoesBackBehindAStateThatIsNotFiniteOrEnds) {
  EXPECT_EQ(DivergenceWatch(options(Watch::kOff), {}).not_finite(7).answer, Answer::kEnd);
  DivergenceWatch guard(options(Watch::kRollback), {});
  EXPECT_FALSE(guard.observe(7, losses(1), true));  // the losses of before the update
  EXPECT_EQ(guard.not_finite(7).answer, Answer::kGoBack);
  EXPECT_EQ(guard.not_finite(7).since, 7);
}

// Chance is 2 for hinge, 2 ln 2 for logistic, times the scale.
TEST(DivergenceWatch, FindsALossAtZeroThroughAWholeWindow) {
  for (const auto& [kind, chance] : std::map<loss::Kind, double>{
           {loss::Kind::kHinge, 2.0}, {loss::Kind::kLogistic, 2 * std::log(2.0)}}) {
    SCOPED_TRACE(static_cast<int>(kind));
    loss::LossOptions loss;
    loss.kind = kind;
    loss.scale = 0.5;
    const double below = 0.0099 * chance * loss.scale, above = 0.0101 * chance * loss.scale;
    DivergenceWatch guard(options(Watch::kReport), loss);
    int64_t step = 0;
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(guard.observe(step += 10, losses(below), true));
    EXPECT_FALSE(guard.observe(step += 10, losses(above), true));  // not through all of it
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(guard.observe(step += 10, losses(below), true));
    EXPECT_FALSE(guard.observe(step += 3, losses(below), false));  // counts for nothing
    const auto trouble = guard.observe(step += 7, losses(below), true);
    ASSERT_TRUE(trouble);
    EXPECT_EQ(trouble->answer, Answer::kWarn);
    EXPECT_EQ(trouble->since, 50);
    EXPECT_EQ(trouble->text,
              "D has won: loss_d_x and loss_d_z and loss_d_xz below 1 % of the value at chance in "
              "every report from step 50 to 80");
    EXPECT_THAT(trouble->hint, HasSubstr("train.augment"));
    for (int i = 0; i < 20; ++i) {  // told once
      EXPECT_FALSE(guard.observe(step += 10, losses(below), true));
    }
  }
}

TEST(DivergenceWatch, FindsALossAtChanceOrAboveThroughAWholeWindow) {
  DivergenceWatch guard(options(Watch::kStop), {});
  EXPECT_FALSE(guard.observe(1, losses(2), true));
  EXPECT_FALSE(guard.observe(2, losses(1.97), true));
  EXPECT_FALSE(guard.observe(3, losses(1.99), true));
  EXPECT_FALSE(guard.observe(4, losses(2.5), true));
  EXPECT_FALSE(guard.observe(5, losses(2), true));
  const auto trouble = guard.observe(6, losses(1.99), true);
  ASSERT_TRUE(trouble);
  EXPECT_EQ(trouble->answer, Answer::kEnd);
  EXPECT_EQ(trouble->since, 3);
  EXPECT_THAT(trouble->text, HasSubstr("at chance, 2 a term"));
}

// One term at chance is usual, D may read the images and not the codes; one that is won is not.
TEST(DivergenceWatch, WantsAllTermsAtChanceAndOneAtZero) {
  const auto terms = [](double x, double z) {
    return core::Values{{"loss_d", x + z}, {"loss_d_x", x}, {"loss_d_z", z}, {"loss_d_xz", x}};
  };
  DivergenceWatch guard(options(Watch::kStop), {});
  int64_t step = 0;
  for (int i = 0; i < 30; ++i) EXPECT_FALSE(guard.observe(++step, terms(0.5, 2), true));
  for (int i = 0; i < 30; ++i) EXPECT_FALSE(guard.observe(++step, terms(3, 1.5), true));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(guard.observe(++step, terms(0.01, 2), true));
  const auto trouble = guard.observe(++step, terms(0.01, 2), true);
  ASSERT_TRUE(trouble);
  EXPECT_THAT(trouble->text, HasSubstr("D has won: loss_d_x and loss_d_xz below 1 % "));
}

TEST(DivergenceWatch, FindsSingularValuesThatExplodeBeyondTheirMedian) {
  DivergenceWatch guard(options(Watch::kRollback, 5), {});
  int64_t step = 0;
  for (const double g : {100.0, 1.0, 2.0, 3.0, 2.5}) {  // the window is not full
    EXPECT_FALSE(guard.observe(step += 10, spectra(g, 1), true));
  }
  EXPECT_FALSE(guard.observe(60, spectra(9.9, 1), true));           // median of 100 1 2 3 2.5: 2.5
  EXPECT_FALSE(guard.observe(70, spectra(2, 1), true));             // median of 1 2 3 2.5 9.9: 2.5
  EXPECT_FALSE(guard.observe(80, spectra(8, 1), true));             // median of 2 3 2.5 9.9 2: 2.5
  EXPECT_FALSE(guard.observe(90, spectra(9, 1), true));             // median of 3 2.5 9.9 2 8: 3
  const auto trouble = guard.observe(100, spectra(32.1, 1), true);  // median of 2.5 9.9 2 8 9: 8
  ASSERT_TRUE(trouble);
  EXPECT_EQ(trouble->answer, Answer::kGoBack);
  EXPECT_EQ(trouble->since, 90);  // 80 is not above the median
  EXPECT_EQ(trouble->text,
            "sigma_max_G = 32.1 at step 100 is more than 4 times its median of before, 8; it rises "
            "since step 90");
}

// Each network is a cause of its own; growth that is slow against the window is none.
TEST(DivergenceWatch, WarnsOfEachNetworkOnceAndNotOfSlowGrowth) {
  DivergenceWatch guard(options(Watch::kReport), {});
  int64_t step = 0;
  double sigma = 1;
  for (int i = 0; i < 50; ++i) {
    sigma *= 1.4;
    EXPECT_FALSE(guard.observe(++step, spectra(sigma, sigma), true));
  }
  const auto g = guard.observe(++step, spectra(100 * sigma, sigma), true);
  ASSERT_TRUE(g);
  EXPECT_EQ(g->cause, "sigma_max_G");
  EXPECT_EQ(g->answer, Answer::kWarn);
  const auto d = guard.observe(++step, spectra(10000 * sigma, 100 * sigma), true);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->cause, "sigma_max_D");
  EXPECT_FALSE(guard.observe(++step, spectra(1e9 * sigma, 1e9 * sigma), true));
}

TEST(DivergenceWatch, IsSilentWhenOff) {
  DivergenceWatch guard(options(Watch::kOff), {});
  for (int64_t step = 1; step < 50; ++step) {
    EXPECT_FALSE(guard.observe(step, spectra(std::pow(10, step), 1), true));
    EXPECT_FALSE(guard.observe(step, losses(0), true));
  }
}

TEST(DivergenceWatch, GoesBackAsOftenAsToldWithSmallerRatesAndOtherDraws) {
  TrainOptions train = options(Watch::kRollback);
  train.rollbacks = 2;
  train.rollback_factor = 0.1;
  DivergenceWatch guard(train, {});
  EXPECT_EQ(core::training_draw(guard.rollbacks(), 0, 3), 0);
  EXPECT_EQ(guard.rate_factor(), 1);
  EXPECT_FALSE(guard.observe(5, losses(1), true));
  const std::string checkpoint = guard.text();
  const core::Values bad = {{"loss_d", std::nan("")}};
  for (int64_t times = 1; times <= 2; ++times) {
    EXPECT_FALSE(guard.observe(8, losses(1), true));
    const auto trouble = guard.observe(10, bad, true);
    ASSERT_TRUE(trouble);
    EXPECT_EQ(trouble->answer, Answer::kGoBack);
    EXPECT_EQ(trouble->since, 8);
    guard.go_back(checkpoint);
    EXPECT_EQ(guard.rollbacks(), times);
    EXPECT_DOUBLE_EQ(guard.rate_factor(), std::pow(0.1, times));
    EXPECT_EQ(core::training_draw(guard.rollbacks(), 0, 3), times * (int64_t{1} << 36));
    // It remembers what was known then.
    EXPECT_EQ(guard.observe(6, bad, true)->since, 5);
  }
  EXPECT_EQ(guard.observe(10, bad, true)->answer, Answer::kEnd);
}

// The answers of a watch that is written down and read back after every report are those of one
// that is not.
TEST(DivergenceWatch, SurvivesItsText) {
  const TrainOptions train = options(Watch::kStop, 6);
  DivergenceWatch whole(train, {});
  std::string kept;
  std::vector<int64_t> found;
  for (int64_t step = 1; step < 60; ++step) {
    const double level = step < 25 ? 1 + 0.1 * std::sin(1.7 * static_cast<double>(step))
                                   : 2.2 + std::cos(static_cast<double>(step)) / 7;
    core::Values values = spectra(step == 20 ? 30 : level, level / 3);
    for (size_t i = 0; i < 4; ++i) values[i].second = level;
    DivergenceWatch resumed(train, {});
    resumed.restore(kept);
    const auto expected = whole.observe(step, values, step % 3 != 0);
    const auto trouble = resumed.observe(step, values, step % 3 != 0);
    ASSERT_EQ(trouble.has_value(), expected.has_value()) << step;
    if (trouble) {
      EXPECT_EQ(trouble->text, expected->text);
      EXPECT_EQ(trouble->since, expected->since);
      found.push_back(step);
    }
    kept = resumed.text();
    EXPECT_EQ(kept, whole.text());
  }
  EXPECT_EQ(found.front(), 20);  // an explosion, and later a loss at chance
  EXPECT_GT(found.size(), 10u);
}

}  // namespace
}  // namespace bbg::train
