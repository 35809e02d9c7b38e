#include "nn/named_tensors.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace bbg::nn {
namespace {

NamedTensor zeros(const std::string& name, at::IntArrayRef shape,
                  at::ScalarType type = at::kFloat) {
  return {name, at::zeros(shape, type)};
}

const NamedSource& source() {
  static const NamedSource tensors({{"G.w", at::ones({2, 3})}, {"G.b", at::full({2}, 4.0)}});
  return tensors;
}

TEST(NamedSource, CopiesIntoTensorsOfTheSameNameShapeAndType) {
  const std::vector<NamedTensor> targets = {zeros("G.b", {2}), zeros("G.w", {2, 3})};
  EXPECT_FALSE(source().first_misfit(targets));
  source().copy(targets);
  EXPECT_TRUE(at::equal(targets[0].tensor, at::full({2}, 4.0)));
  EXPECT_TRUE(at::equal(targets[1].tensor, at::ones({2, 3})));
}

TEST(NamedSource, NamesTheFirstThatDoesNotFit) {
  const auto misfit = [](const NamedTensor& target) {
    return source().first_misfit({zeros("G.b", {2}), target, zeros("lacking too", {1})}).value();
  };
  EXPECT_EQ(misfit(zeros("G.x", {2})).fit, Fit::kMissing);
  EXPECT_EQ(misfit(zeros("G.x", {2})).text, "it lacks 'G.x'");
  EXPECT_EQ(misfit(zeros("G.w", {3, 2})).fit, Fit::kOtherShape);
  EXPECT_EQ(misfit(zeros("G.w", {3, 2})).name, "G.w");
  EXPECT_EQ(misfit(zeros("G.w", {3, 2})).text,
            "'G.w' is [2, 3] of type Float there, [3, 2] of type Float here");
  EXPECT_EQ(misfit(zeros("G.w", {2, 3}, at::kDouble)).fit, Fit::kOtherType);
  EXPECT_EQ(misfit(zeros("G.w", {2, 3}, at::kDouble)).text,
            "'G.w' is [2, 3] of type Float there, [2, 3] of type Double here");
  EXPECT_THROW(source().copy({zeros("G.x", {2})}), core::InternalError);
}

TEST(NamedSource, TakesWhatFitsWhateverItsType) {
  const NamedTensor wide = zeros("G.b", {2}, at::kDouble), other = zeros("G.w", {6}),
                    lacking = zeros("G.x", {1});
  EXPECT_EQ(source().copy_if_it_fits(wide), Fit::kFits);
  EXPECT_EQ(source().copy_if_it_fits(other), Fit::kOtherShape);
  EXPECT_EQ(source().copy_if_it_fits(lacking), Fit::kMissing);
  EXPECT_TRUE(at::equal(wide.tensor, at::full({2}, 4.0, at::kDouble)));
  EXPECT_EQ(other.tensor.abs().sum().item<float>(), 0);
  EXPECT_EQ(source().size(), 2u);
}

}  // namespace
}  // namespace bbg::nn
