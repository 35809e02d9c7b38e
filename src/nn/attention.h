#pragma once
// Self-attention of SAGAN and BigGAN (Zhang et al. 2019; details: docs/choices.md 17): keys and
// values pooled 2x2, no scaling, out = gamma o + x with one gamma that starts at 0. All maps 1x1
// under spectral norm, without bias.

#include "nn/layers.h"

namespace bbg::nn {

class Attention {
 public:
  Attention(Context& context, const Scope& scope, int64_t channels);
  at::Tensor operator()(const at::Tensor& x) const;  // [N, C, S, S] -> same

 private:
  Conv theta_, phi_, g_, o_;
  at::Tensor gamma_;
};

}  // namespace bbg::nn
