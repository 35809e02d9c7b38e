#include "eval/linear_protocol.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <numbers>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "support/threads_communicator.h"
#include "unit/eval/labelled_points.h"

namespace bbg::eval {
namespace {

LabelledRows labelled_rows(const Points& points) { return {points.features, points.labels}; }

LinearProtocolResult alone(const Points& train, const Points& test,
                           const LinearProtocolOptions& options) {
  comm::SelfCommunicator self;
  return linear_protocol(self, labelled_rows(train), labelled_rows(test), options);
}

// scikit-learn's digits, and its logistic regression's accuracy (tests/golden/make_digits.py). Each
// training sample stands eight times, so that what is held out is learnt as well.
struct Digits {
  Points train, test;
  double accuracy = 0;

  Digits() {
    std::ifstream file(std::string(BBG_SOURCE_DIR) + "/tests/golden/digits.bin", std::ios::binary);
    int64_t samples = 0, width = 0, train_samples = 0;
    file >> samples >> width >> train_samples >> accuracy;
    file.ignore();
    const at::Tensor all = at::empty({samples, width + 1}, at::kByte);
    file.read(static_cast<char*>(all.data_ptr()), all.numel());
    EXPECT_TRUE(file);
    const at::Tensor x = all.narrow(1, 0, width).to(at::kFloat) / 16;
    const at::Tensor y = all.select(1, width).to(at::kLong);
    train = {x.narrow(0, 0, train_samples).repeat({8, 1}),
             y.narrow(0, 0, train_samples).repeat({8})};
    test = {x.slice(0, train_samples), y.slice(0, train_samples)};
  }
};

TEST(LinearProtocol, ReadsDigitsAsWellAsScikitLearn) {
  const Digits digits;
  const LinearProtocolResult found =
      alone(digits.train, digits.test, {.batch = 256, .steps = 2000});
  // Three of 600 samples: five seeds give 0.9683 to 0.975, on average 0.9727.
  EXPECT_NEAR(found.test.top1, digits.accuracy, 0.0051);
  EXPECT_GT(found.test.top5, 0.99);
  ASSERT_EQ(found.rates.size(), 13u);
  // After so few steps the smallest rates are far from done.
  EXPECT_GT(found.rate, 1e-3);
  EXPECT_LT(found.rates[0].held_accuracy, 0.9);
}

TEST(LinearProtocol, SeparatesClouds) {
  const Points train = clouds(1500, 16, 8, 4, 1), test = clouds(400, 16, 8, 4, 2);
  const LinearProtocolResult found = alone(train, test, {.batch = 128, .steps = 200});
  EXPECT_EQ(found.test.top1, 1);
  EXPECT_EQ(found.test.top5, 1);
}

// Features of 0 leave biases alone; with one label the sum of logits stays 0, and all follow from
// one number.
TEST(LinearProtocol, StepsAsSgdWithMomentumAlongACosine) {
  const Points train{at::zeros({10, 1}), at::zeros({10}, at::kLong)};
  const Points test{at::zeros({2, 1}), at::tensor({0, 1}, at::kLong)};
  constexpr int64_t kSteps = 20;
  const std::vector<double> rates = {1., 30.};
  const LinearProtocolResult found = alone(train, test, {.rates = rates, .steps = kSteps});
  for (size_t i = 0; i < rates.size(); ++i) {
    double bias = 0, momentum = 0;           // label 0's; label 1's is its negative
    const double rate = rates[i] * 8 / 256;  // two of the ten samples are held out
    for (int64_t step = 0; step < kSteps; ++step) {
      momentum = 0.9 * momentum + 1 / (1 + std::exp(-2 * bias)) - 1;
      bias -= rate * (1 + std::cos(std::numbers::pi * static_cast<double>(step) / kSteps)) / 2 *
              momentum;
    }
    // float32 over twenty steps.
    EXPECT_NEAR(found.rates[i].held_loss, std::log1p(std::exp(-2 * bias)), 1e-5);
    EXPECT_EQ(found.rates[i].held_accuracy, 1);
  }
  EXPECT_NE(found.rates[0].held_loss, found.rates[1].held_loss);
  EXPECT_EQ(found.rate, rates[0]);  // equally good
  EXPECT_EQ(found.test.top1, 0.5);
  EXPECT_EQ(found.test.top5, 1);
}

TEST(LinearProtocol, IsTheSameOnAnyNumberOfRanks) {
  const Points train = clouds(600, 12, 9, 0.5, 1), test = clouds(300, 12, 9, 0.5, 2);
  // Fewer rates than ranks, and more.
  for (const std::vector<double>& rates :
       {std::vector<double>{1e-3, 1e-1}, LinearProtocolOptions{}.rates}) {
    const LinearProtocolOptions options{.rates = rates, .batch = 100, .steps = 60, .seed = 3};
    const LinearProtocolResult expected = alone(train, test, options);
    EXPECT_GT(expected.test.top1, 0.3);
    EXPECT_LT(expected.test.top1, 0.9);
    EXPECT_GT(expected.test.top5, expected.test.top1);
    for (const int size : {2, 4}) {
      bbg::testing::run_ranks(size, [&](comm::Communicator& communicator) {
        int64_t steps = 0;
        LinearProtocolOptions counted = options;
        counted.step_done = [&] { ++steps; };
        const Points own = train.part(communicator, true), measured = test.part(communicator);
        const LinearProtocolResult found =
            linear_protocol(communicator, labelled_rows(own), labelled_rows(measured), counted);
        EXPECT_EQ(steps, options.steps);
        EXPECT_EQ(found.rate, expected.rate);
        EXPECT_NEAR(found.test.top1, expected.test.top1, 1e-12);
        EXPECT_NEAR(found.test.top5, expected.test.top5, 1e-12);
        ASSERT_EQ(found.rates.size(), rates.size());
        for (size_t i = 0; i < rates.size(); ++i) {
          EXPECT_EQ(found.rates[i].rate, rates[i]);
          EXPECT_NEAR(found.rates[i].held_loss, expected.rates[i].held_loss, 1e-5) << i;
        }
      });
    }
  }
}

TEST(LinearProtocol, TrainsOnViewsInTurnAndChoosesByTheSamplesThemselves) {
  const Points train = clouds(600, 12, 9, 0.5, 1), test = clouds(300, 12, 9, 0.5, 2);
  const at::Tensor other = train.features * 0.5, third = train.features - 1;
  comm::SelfCommunicator self;
  const auto losses = [&](int64_t steps, const std::vector<at::Tensor>& views) {
    const LinearProtocolOptions options{.batch = 100, .steps = steps};
    std::vector<double> all;
    for (const RateResult& rate :
         linear_protocol(self, labelled_rows(train), labelled_rows(test), options, views).rates) {
      all.push_back(rate.held_loss);
    }
    return all;
  };
  EXPECT_EQ(losses(30, {train.features, train.features}), losses(30, {}));
  EXPECT_EQ(losses(1, {other, third}), losses(1, {other}));
  EXPECT_EQ(losses(2, {other, third, train.features}), losses(2, {other, third}));
  EXPECT_NE(losses(2, {other, third}), losses(2, {other}));
  EXPECT_NE(losses(2, {other, third}), losses(2, {third, other}));
  // One that is trained on nothing but zeros answers alike for all.
  const LinearProtocolResult blind =
      linear_protocol(self, labelled_rows(train), labelled_rows(test), {.steps = 50},
                      {at::zeros_like(train.features)});
  EXPECT_LT(blind.test.top1, 0.3);
  bbg::testing::run_ranks(2, [&](comm::Communicator& communicator) {
    const Points own = train.part(communicator), measured = test.part(communicator);
    const LinearProtocolResult found =
        linear_protocol(communicator, labelled_rows(own), labelled_rows(measured),
                        {.batch = 100, .steps = 30}, {own.features * 0.5, own.features - 1});
    const std::vector<double> expected = losses(30, {other, third});
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(found.rates[i].held_loss, expected[i], 1e-5);
    }
  });
}

TEST(LinearProtocol, LeavesRatesThatAreTooLarge) {
  const Points train = clouds(600, 12, 9, 0.8, 1), test = clouds(300, 12, 9, 0.8, 2);
  const LinearProtocolResult found =
      alone(train, test, {.rates = {1e39, 1e6, 1e-2}, .batch = 100, .steps = 300});
  EXPECT_EQ(found.rate, 1e-2);
  EXPECT_EQ(found.rates[0].held_accuracy, 0);  // not finite
  EXPECT_TRUE(std::isnan(found.rates[0].held_loss));
  EXPECT_LT(found.rates[1].held_accuracy, found.rates[2].held_accuracy);
  EXPECT_GT(found.test.top1, 0.6);
}

TEST(LinearProtocol, IsNotANumberWhenAFeatureIsNotAndRefusesASampleWithoutLabel) {
  const Points train = clouds(20, 3, 2, 1, 1), test = clouds(20, 3, 2, 1, 2);
  train.features[0][0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(alone(train, test, {.steps = 1}).test.top1));
  train.labels[0] = -1;
  EXPECT_THROW(alone(train, test, {.steps = 1}), core::UsageError);
}

TEST(LinearProtocol, TellsItsMemory) {
  // 13 classifiers of 1,000 x 4,096, three times, in float32, and a batch.
  const int64_t one = linear_protocol_bytes(4096, 1000, 1, {});
  EXPECT_GT(one, 3 * 213'000'000);
  EXPECT_LT(one, 3 * 213'000'000 + 250'000'000);
  EXPECT_LT(linear_protocol_bytes(4096, 1000, 13, {}), one / 8);
}

}  // namespace
}  // namespace bbg::eval
