#pragma once
// The residual MLP of H, J and E's head (Donahue & Simonyan 2019, appendix; how we read it:
// docs/choices.md 20-24): `depth` blocks out = skip(h) + W2 relu(W1 relu(h)); block 0 maps
// in -> width, takes its input without the ReLU and learns a linear skip. One ReLU after the last
// block. Depth 0 is the identity.

#include "nn/layers.h"

namespace bbg::nn {

class ResidualMlp {
 public:
  ResidualMlp(Context& context, const Scope& scope, int64_t in, int64_t width, int64_t depth,
              bool spectral);
  at::Tensor operator()(const at::Tensor& x) const;  // [N, in] -> [N, out_features()]
  int64_t out_features() const { return out_; }

 private:
  struct Block {
    Linear linear1, linear2;
    std::optional<Linear> skip;
  };
  std::vector<Block> blocks_;
  int64_t out_;
};

}  // namespace bbg::nn
