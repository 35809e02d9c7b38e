#include "loss/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "core/error.h"

namespace bbg::loss {
namespace {

core::Scores scores(std::vector<double> x, std::vector<double> z, std::vector<double> xz) {
  return {.x = at::tensor(x, at::kDouble),
          .z = at::tensor(z, at::kDouble),
          .xz = at::tensor(xz, at::kDouble)};
}

TEST(HingeLoss, IsTwoPerTermAtZeroScores) {
  const core::Scores zero = scores({0, 0}, {0, 0}, {0, 0});
  const Loss d = discriminator_loss(Kind::kHinge, zero, zero);
  EXPECT_EQ(d.x.item<double>(), 2);
  EXPECT_EQ(d.z.item<double>(), 2);
  EXPECT_EQ(d.xz.item<double>(), 2);
  EXPECT_EQ(d.total.item<double>(), 6);
  EXPECT_EQ(generator_encoder_loss(Kind::kHinge, zero, zero).total.item<double>(), 0);
}

TEST(HingeLoss, ClampsEachTermByItself) {
  // x is won by far; its surplus must not pay for z (Donahue & Simonyan 2019, section 2).
  const Loss d =
      discriminator_loss(Kind::kHinge, scores({100}, {-1}, {1}), scores({-100}, {1}, {-1}));
  EXPECT_EQ(d.x.item<double>(), 0);
  EXPECT_EQ(d.z.item<double>(), 4);
  EXPECT_EQ(d.xz.item<double>(), 0);
}

TEST(HingeLoss, IsLinearForGeneratorAndEncoder) {
  const Loss ge = generator_encoder_loss(Kind::kHinge, scores({3, 5}, {1, 1}, {-2, 0}),
                                         scores({1, 1}, {0, 4}, {2, 2}));
  EXPECT_EQ(ge.x.item<double>(), 4 - 1);
  EXPECT_EQ(ge.z.item<double>(), 1 - 2);
  EXPECT_EQ(ge.xz.item<double>(), -1 - 2);
}

TEST(LogisticLoss, IsTwoLnTwoPerTermAtZeroScores) {
  const core::Scores zero = scores({0}, {0}, {0});
  EXPECT_NEAR(discriminator_loss(Kind::kLogistic, zero, zero).total.item<double>(),
              6 * std::log(2.0), 1e-15);
  EXPECT_NEAR(generator_encoder_loss(Kind::kLogistic, zero, zero).total.item<double>(),
              6 * std::log(2.0), 1e-15);
}

TEST(LogisticLoss, SwapsLabelsForGeneratorAndEncoder) {
  const core::Scores e = scores({1.5}, {-0.5}, {2}), g = scores({0.25}, {1}, {-3});
  EXPECT_DOUBLE_EQ(generator_encoder_loss(Kind::kLogistic, e, g).total.item<double>(),
                   discriminator_loss(Kind::kLogistic, g, e).total.item<double>());
}

TEST(Loss, CountsOnlyTheTermsThatExist) {
  core::Scores gan;
  gan.x = at::zeros({4}, at::kDouble);
  const Loss d = discriminator_loss(Kind::kHinge, gan, gan);
  EXPECT_EQ(d.total.item<double>(), 2);
  EXPECT_FALSE(d.z.defined());
  EXPECT_FALSE(d.xz.defined());
}

// The scores of GAN, BiGAN, the ablations of BigBiGAN, and BigBiGAN.
TEST(Loss, OfDAtChanceIsThatOfZeroScores) {
  const core::Scores zero = scores({0}, {0}, {0});
  for (const Kind kind : {Kind::kHinge, Kind::kLogistic}) {
    LossOptions options;
    options.kind = kind;
    options.scale = 0.5;
    const Loss d = discriminator_loss(options.kind, zero, zero, Form::kMean, 0.5);
    EXPECT_DOUBLE_EQ(options.discriminator_at_chance(), d.x.item<double>());
  }
}

TEST(Loss, AtZeroScoresIsTwoPerHingeTermAndTwoLnTwoPerLogisticTermInEverySystem) {
  for (const std::string terms : {"x", "xz", "x xz", "z xz", "x z xz"}) {
    SCOPED_TRACE(terms);
    core::Scores zero;
    int count = 0;
    std::istringstream words(terms);
    for (std::string word; words >> word; ++count) {
      (word == "x" ? zero.x : word == "z" ? zero.z : zero.xz) = at::zeros({4}, at::kDouble);
    }
    const auto total = [](const Loss& loss) { return loss.total.item<double>(); };
    EXPECT_EQ(total(discriminator_loss(Kind::kHinge, zero, zero)), 2 * count);
    EXPECT_EQ(total(discriminator_loss(Kind::kHinge, zero, zero, Form::kMean)), 2);
    EXPECT_EQ(total(generator_encoder_loss(Kind::kHinge, zero, zero)), 0);
    EXPECT_NEAR(total(discriminator_loss(Kind::kLogistic, zero, zero)), 2 * count * std::log(2.0),
                1e-14);
    EXPECT_NEAR(total(generator_encoder_loss(Kind::kLogistic, zero, zero)),
                2 * count * std::log(2.0), 1e-14);
  }
}

TEST(Loss, MeanFormIsTheSumOverTheNumberOfTerms) {
  const core::Scores e = scores({1.5}, {-0.5}, {2}), g = scores({0.25}, {1}, {-3});
  EXPECT_DOUBLE_EQ(3 * discriminator_loss(Kind::kHinge, e, g, Form::kMean).total.item<double>(),
                   discriminator_loss(Kind::kHinge, e, g).total.item<double>());
}

TEST(Loss, ScaleMultipliesTheTotalAndItsTerms) {
  const core::Scores e = scores({1.5}, {-0.5}, {2}), g = scores({0.25}, {1}, {-3});
  for (const Kind kind : {Kind::kHinge, Kind::kLogistic}) {
    for (const auto function : {discriminator_loss, generator_encoder_loss}) {
      const Loss whole = function(kind, e, g, Form::kSum, 1);
      const Loss half = function(kind, e, g, Form::kSum, 0.5);
      EXPECT_DOUBLE_EQ(2 * half.total.item<double>(), whole.total.item<double>());
      EXPECT_DOUBLE_EQ(2 * half.xz.item<double>(), whole.xz.item<double>());
    }
  }
}

// BiGAN's loss at the start, by its README 0.6932 in float32.
TEST(LogisticLoss, OfBiganAtZeroScoresIsLnTwo) {
  core::Scores zero;
  zero.xz = at::zeros({4}, at::kDouble);
  EXPECT_NEAR(discriminator_loss(Kind::kLogistic, zero, zero, Form::kSum, 0.5).total.item<double>(),
              std::log(2.0), 1e-15);
}

TEST(Loss, OfAGeneratorWithoutEncoderIsThatOfItsOwnPairs) {
  core::Scores gan;
  gan.x = at::tensor({0.5, -2.0}, at::kDouble);
  EXPECT_DOUBLE_EQ(generator_encoder_loss(Kind::kHinge, {}, gan).total.item<double>(), 0.75);
  EXPECT_DOUBLE_EQ(generator_encoder_loss(Kind::kLogistic, {}, gan).total.item<double>(),
                   (std::log1p(std::exp(-0.5)) + std::log1p(std::exp(2.0))) / 2);
}

TEST(Loss, RefusesTermsOfOneKindOfPairOnly) {
  core::Scores gan, bigan;
  gan.x = at::zeros({4});
  bigan.xz = at::zeros({4});
  EXPECT_THROW(discriminator_loss(Kind::kHinge, gan, bigan), core::InternalError);
  EXPECT_THROW(discriminator_loss(Kind::kHinge, core::Scores{}, core::Scores{}),
               core::InternalError);
}

}  // namespace
}  // namespace bbg::loss
