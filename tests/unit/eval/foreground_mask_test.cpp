#include "eval/foreground_mask.h"

#include <gtest/gtest.h>

namespace bbg::eval {
namespace {

TEST(ForegroundMask, WeighsColoursAsLumaDoes) {
  // Red, green, blue, white.
  const at::Tensor pixels =
      at::tensor({1.f, 0.f, 0.f, 1.f, 0.f, 1.f, 0.f, 1.f, 0.f, 0.f, 1.f, 1.f}).view({1, 3, 1, 4});
  EXPECT_TRUE(
      at::allclose(brightness(pixels).flatten(), at::tensor({0.2989f, 0.587f, 0.114f, 0.9999f})));
  const at::Tensor grey = at::rand({2, 1, 3, 3});
  EXPECT_TRUE(at::equal(brightness(grey), grey.squeeze(1)));
}

TEST(ForegroundMask, IsWhereTheMovedImageIsBrighter) {
  const at::Tensor before = at::tensor({0.f, 0.f, 0.5f, 0.5f}).view({1, 1, 2, 2});
  const at::Tensor moved = at::tensor({0.1f, -0.9f, 0.4f, 0.9f}).view({1, 1, 2, 2});
  const auto mask = [&](MaskRule rule) { return foreground_mask(before, moved, rule).flatten(); };
  EXPECT_TRUE(at::equal(mask(MaskRule::kBrighter), at::tensor({1, 0, 0, 1}).to(at::kBool)));
  // Its mean is 0.125.
  EXPECT_TRUE(at::equal(mask(MaskRule::kMean), at::tensor({0, 0, 1, 1}).to(at::kBool)));
}

}  // namespace
}  // namespace bbg::eval
