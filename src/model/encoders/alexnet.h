#pragma once
// The encoder trunk of BiGAN on ImageNet (Donahue et al. 2017; docs/choices.md 62): AlexNet's five
// convolutions without local response normalisation and biases, leaky ReLU 0.2 after each, batch
// norm before it from the second on, 3x3 max-pool of stride 2 after the first two. Convolutions and
// pools are padded, so that the last map has ceil(S / 16) pixels a side: 4 at 64 px, 7 at 112 px.

#include "model/trunk.h"
#include "nn/cross_replica_norm.h"
#include "nn/layers.h"

namespace bbg::model {

// Its stages conv1 to conv5 end after the leaky ReLU; a pool belongs to the stage after it.
class AlexNet final : public StagedTrunk {
 public:
  // base: even; the paper's widths are 3, 8, 12, 12 and 8 times 32.
  AlexNet(nn::Context& context, const nn::Scope& scope, int64_t channels, int64_t base,
          int64_t resolution);
  at::Tensor stage(size_t index, at::Tensor h) override;
  at::Tensor end(at::Tensor h) override { return h.flatten(1); }  // conv5 flat
  bool is_averaged() const override { return false; }
  int64_t out_features() const override { return out_features_; }

 private:
  std::vector<nn::Conv> convs_;
  std::vector<nn::BatchNorm> norms_;  // norms_[i] follows convs_[i + 1]
  int64_t out_features_;
};

}  // namespace bbg::model
