#include "extractor/vision_transformer.h"

#include <cmath>

#include "core/error.h"

namespace bbg::extractor {

namespace {

constexpr int64_t kHeadWidth = 64;
constexpr double kNormEpsilon = 1e-6;
constexpr double kPositionOffset = 0.1;

at::Tensor linear(const at::Tensor& x, const Affine& layer) {
  return at::linear(x, layer.weight, layer.bias);
}

at::Tensor normalised(const at::Tensor& x, const Affine& norm) {
  return at::layer_norm(x, {x.size(2)}, norm.weight, norm.bias, kNormEpsilon);
}

// [n, 3, s, s] -> [n, patches, 3 * patch * patch]: the convolution of the published network, whose
// stride is its kernel, as a product of matrices.
at::Tensor cut_into_patches(const at::Tensor& images, int64_t patch) {
  const int64_t n = images.size(0), rows = images.size(2) / patch, columns = images.size(3) / patch;
  return images.reshape({n, 3, rows, patch, columns, patch})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({n, rows * columns, 3 * patch * patch});
}

at::Tensor attend(const at::Tensor& x, const TransformerBlock& block) {
  const int64_t n = x.size(0), tokens = x.size(1), width = x.size(2);
  const at::Tensor all = linear(x, block.attention_in)
                             .view({n, tokens, 3, width / kHeadWidth, kHeadWidth})
                             .permute({2, 0, 3, 1, 4});  // [3, n, heads, tokens, 64]
  const at::Tensor seen = at::scaled_dot_product_attention(all[0], all[1], all[2]);
  return linear(seen.transpose(1, 2).reshape({n, tokens, width}), block.attention_out);
}

}  // namespace

at::Tensor interpolated_positions(const at::Tensor& positions, int64_t to) {
  const auto grid =
      static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(positions.size(1) - 1))));
  BBG_CHECK(grid * grid + 1 == positions.size(1), "positions form a square");
  if (grid == to) return positions;
  const int64_t width = positions.size(2);
  const double scale = (static_cast<double>(to) + kPositionOffset) / static_cast<double>(grid);
  const at::Tensor places =
      positions.slice(1, 1).reshape({1, grid, grid, width}).permute({0, 3, 1, 2});
  const at::Tensor resized =
      at::upsample_bicubic2d(places, {to, to}, /*align_corners=*/false, scale, scale);
  return at::cat(
      {positions.slice(1, 0, 1), resized.permute({0, 2, 3, 1}).reshape({1, to * to, width})}, 1);
}

at::Tensor class_tokens(const TransformerWeights& weights, const at::Tensor& images) {
  const at::Tensor patches = linear(cut_into_patches(images, weights.patch), weights.patches);
  at::Tensor x = at::cat({weights.class_token.expand({images.size(0), -1, -1}), patches}, 1) +
                 weights.positions;
  for (const TransformerBlock& block : weights.blocks) {
    x = x + attend(normalised(x, block.norm1), block) * block.scale1;
    const at::Tensor hidden = at::gelu(linear(normalised(x, block.norm2), block.mlp_in));
    x = x + linear(hidden, block.mlp_out) * block.scale2;
  }
  return normalised(x.slice(1, 0, 1), weights.norm).squeeze(1);
}

}  // namespace bbg::extractor
