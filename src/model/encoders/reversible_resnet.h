#pragma once
// RevNet-50 and wider ones, the large encoder trunk of Donahue & Simonyan 2019 (docs/choices.md
// 29-33): the stages of a bottleneck ResNet made of reversible units, so that its memory does not
// grow with depth (reversible_stage.h). Between stages an average pool of 2; each stage after the
// first doubles the channels by zeros.

#include <deque>

#include "model/encoders/reversible_stage.h"
#include "model/trunk.h"

namespace bbg::model {

// Its stages: root, then stage1, stage2 and so on; a pool belongs to the stage after it.
class ReversibleResNet final : public StagedTrunk {
 public:
  // shape.base: even; RevNet-50 x1, x2 and x4 have 64, 128 and 256.
  ReversibleResNet(nn::Context& context, const nn::Scope& scope, const BottleneckTrunkShape& shape,
                   bool recompute = true);
  // S of images: a multiple of 4 x 2^(stages - 1)
  at::Tensor stage(size_t index, at::Tensor h) override;
  at::Tensor end(at::Tensor h) override { return (*end_)(h); }
  bool is_averaged() const override { return true; }
  int64_t out_features() const override { return out_features_; }  // 8192: base 256, four stages

 private:
  PooledRoot root_;
  std::deque<ReversibleStage> stages_;  // a deque: its elements stay in place
  std::optional<PooledNorm> end_;
  int64_t out_features_ = 0;
};

}  // namespace bbg::model
