#include "train/train_options.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"

namespace bbg::train {
namespace {

TEST(TrainOptions, StepsTakeABatchForEachUpdateOrOneForBothTogether) {
  TrainOptions options;
  model::ModelOptions model;
  EXPECT_EQ(options.draws_per_step(model), 3);
  options.d_steps = 1;
  EXPECT_EQ(options.draws_per_step(model), 2);
  options.simultaneous = true;
  EXPECT_EQ(options.draws_per_step(model), 1);
}

TEST(TrainOptions, StepsOfASystemWithoutDTakeOneBatch) {
  TrainOptions options;
  model::ModelOptions model;
  model.system = model::System::kAutoencoder;
  EXPECT_EQ(options.d_updates(model), 0);
  EXPECT_EQ(options.draws_per_step(model), 1);
}

TEST(TrainOptions, RefusesSeveralUpdatesOfDInASimultaneousStep) {
  TrainOptions options;
  EXPECT_NO_THROW(options.check());
  options.simultaneous = true;
  EXPECT_THROW(options.check(), core::UsageError);
  options.d_steps = 1;
  EXPECT_NO_THROW(options.check());
}

TEST(TrainOptions, RatesFallLinearlyToZero) {
  TrainOptions options;
  EXPECT_EQ(options.rate_factor(1'000'000), 1);
  options.decay_from = 10;
  options.decay_steps = 4;
  EXPECT_EQ(options.rate_factor(0), 1);
  EXPECT_EQ(options.rate_factor(10), 1);
  EXPECT_EQ(options.rate_factor(11), 0.75);
  EXPECT_EQ(options.rate_factor(13), 0.25);
  EXPECT_EQ(options.rate_factor(14), 0);
  EXPECT_EQ(options.rate_factor(100), 0);
}

// BiGAN's decay epoch e of N has 0.01^(e / N), counted from 1; so has our update e of N.
TEST(TrainOptions, RatesFallExponentiallyToOneHundredth) {
  TrainOptions options;
  options.decay_from = 10;
  options.decay_steps = 4;
  options.decay = Decay::kExponential;
  EXPECT_EQ(options.rate_factor(9), 1);
  for (int64_t e = 1; e <= 4; ++e) {
    EXPECT_DOUBLE_EQ(options.rate_factor(9 + e), std::pow(0.01, static_cast<double>(e) / 4));
  }
  EXPECT_DOUBLE_EQ(options.rate_factor(11), 0.1);
  EXPECT_DOUBLE_EQ(options.rate_factor(13), 0.01);
  EXPECT_DOUBLE_EQ(options.rate_factor(1000), 0.01);
}

TEST(TrainOptions, RatesRiseLinearlyToTheWholeAndThenFall) {
  TrainOptions options;
  options.warmup_steps = 4;
  EXPECT_EQ(options.rate_factor(0), 0.25);
  EXPECT_EQ(options.rate_factor(1), 0.5);
  EXPECT_EQ(options.rate_factor(2), 0.75);
  EXPECT_EQ(options.rate_factor(3), 1);
  EXPECT_EQ(options.rate_factor(1000), 1);
  options.warmup_steps = 1;
  EXPECT_EQ(options.rate_factor(0), 1);
  // Where both are at work they multiply.
  options.warmup_steps = 4;
  options.decay_from = 2;
  options.decay_steps = 4;
  EXPECT_EQ(options.rate_factor(1), 0.5);
  EXPECT_EQ(options.rate_factor(2), 0.75);
  EXPECT_EQ(options.rate_factor(3), 0.75);
  EXPECT_EQ(options.rate_factor(4), 0.5);
  EXPECT_EQ(options.rate_factor(6), 0);
}

}  // namespace
}  // namespace bbg::train
