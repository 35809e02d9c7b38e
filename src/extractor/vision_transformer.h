#pragma once
// The vision transformer of DINOv2 (Oquab et al. 2023; Dosovitskiy et al. 2021), forward only: a
// class token and a token a patch, blocks that normalise before attention and before the MLP and
// scale what each adds, exact GELU, a last norm. Rank-local; one thread.

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace bbg::extractor {

// width / 64 heads; norms add 1e-6 to the variance.
struct Affine {
  at::Tensor weight, bias;  // [out, in] or, of a norm, [width]; [out]
};

struct TransformerBlock {
  Affine norm1, attention_in, attention_out, norm2, mlp_in, mlp_out;  // attention_in: q, k, v
  at::Tensor scale1, scale2;                                          // [width]
};

struct TransformerWeights {
  Affine patches;          // [width, 3 * patch * patch]
  at::Tensor class_token;  // [1, 1, width]
  at::Tensor positions;    // [1, 1 + grid * grid, width], the class token's first
  std::vector<TransformerBlock> blocks;
  Affine norm;
  int64_t patch = 0;  // side in pixels

  int64_t width() const { return class_token.size(2); }
};

// Positions for a grid of another side, as Meta's program makes them: bicubic without antialiasing
// by the ratio (to + 0.1) / grid, so that places differ a little from those of a resize to `to`.
at::Tensor interpolated_positions(const at::Tensor& positions, int64_t to);

// images [n, 3, s, s] float32, s a multiple of the patch; `weights.positions` fit its grid.
// -> [n, width], the class token after the last norm.
at::Tensor class_tokens(const TransformerWeights& weights, const at::Tensor& images);

}  // namespace bbg::extractor
