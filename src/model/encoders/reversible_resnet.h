#pragma once
// RevNet-50 and wider ones, the large encoder trunk of Donahue & Simonyan 2019 (docs/choices.md
// 29-33): the stages of a bottleneck ResNet made of reversible units, so that its memory does not
// grow with depth (reversible_stage.h). Between stages an average pool of 2; each stage after the
// first doubles the channels by zeros.

#include <deque>

#include "model/encoders/reversible_stage.h"

namespace bbg::model {

class ReversibleResNet {
 public:
  // shape.base: even; RevNet-50 x1, x2 and x4 have 64, 128 and 256.
  ReversibleResNet(nn::Context& context, const nn::Scope& scope, const BottleneckTrunkShape& shape,
                   bool recompute = true);
  // [N, C, S, S] -> [N, out_features()]; S a multiple of 4 x 2^(stages - 1)
  at::Tensor operator()(const at::Tensor& x);
  int64_t out_features() const { return out_features_; }  // 8192 for base 256 and four stages

 private:
  PooledRoot root_;
  std::deque<ReversibleStage> stages_;  // a deque: its elements stay in place
  std::optional<PooledNorm> end_;
  int64_t out_features_ = 0;
};

}  // namespace bbg::model
