#pragma once
// BigGAN's conditional batch norm: normalise over all ranks' samples, then gain 1 + W_g c and bias
// W_b c, with the condition c of each sample and both maps linear, without bias, under spectral
// norm (docs/choices.md 5, 6).

#include "model/cross_replica_norm.h"
#include "model/layers.h"

namespace bbg::model {

class ConditionalNorm {
 public:
  ConditionalNorm(Context& context, const Scope& scope, int64_t condition_features,
                  int64_t channels);
  // x [N, C, S, S], condition [N, condition_features]
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& condition);

 private:
  Linear gain_, bias_;
  CrossReplicaNorm norm_;
};

}  // namespace bbg::model
