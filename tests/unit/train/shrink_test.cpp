// E's images made smaller for D.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "train/step.h"

namespace bbg::train {
namespace {

at::Tensor sine_images(int64_t size) {
  return at::sin(at::arange(2 * 3 * size * size, at::kDouble) * 0.37).view({2, 3, size, size});
}

TEST(Shrink, AveragesBlocksWhereTheSizeIsAMultiple) {
  const at::Tensor images = sine_images(12);
  EXPECT_TRUE(shrink(images, 12).is_same(images));
  for (const int64_t size : {6, 4, 3}) {
    const int64_t block = 12 / size;
    const at::Tensor blocks = images.view({2, 3, size, block, size, block}).mean({3, 5});
    // float64 sums in another order.
    EXPECT_TRUE(at::allclose(shrink(images, size), blocks, 0, 1e-14));
  }
}

// Pixel i of the result is the mean of pixels j under a triangle around its centre, (i + 1/2) s on
// the scale of the input with s the ratio of sizes, that falls to zero at the distance s.
at::Tensor under_triangles(int64_t from, int64_t to) {
  at::Tensor weights = at::zeros({to, from}, at::kDouble);
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  for (int64_t i = 0; i < to; ++i) {
    for (int64_t j = 0; j < from; ++j) {
      const double distance =
          std::abs(static_cast<double>(j) + 0.5 - (static_cast<double>(i) + 0.5) * scale);
      weights[i][j] = std::max(0.0, 1 - distance / scale);
    }
  }
  return weights / weights.sum({1}, true);
}

TEST(Shrink, ResamplesUnderTrianglesElse) {
  for (const auto& [from, to] : {std::pair<int64_t, int64_t>{112, 64}, {7, 4}, {67, 64}, {40, 9}}) {
    const at::Tensor images = sine_images(from), weights = under_triangles(from, to);
    const at::Tensor expected = weights.matmul(images).matmul(weights.t());
    const at::Tensor actual = shrink(images, to);
    // float64 sums in another order.
    EXPECT_TRUE(at::allclose(actual, expected, 0, 1e-13))
        << from << " to " << to << ": " << (actual - expected).abs().max().item<double>();
    const at::Tensor in_float = shrink(images.to(at::kFloat), to);
    EXPECT_TRUE(at::allclose(in_float.to(at::kDouble), expected, 0, 1e-6));
    EXPECT_LE(in_float.abs().max().item<float>(), 1);  // no overshoot
  }
}

}  // namespace
}  // namespace bbg::train
