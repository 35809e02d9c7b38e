#pragma once
// Pre-activation ResNet of bottleneck units (ResNet-v2-50, -101 and wider ones), the plain encoder
// trunk of Donahue & Simonyan 2019 (docs/choices.md 27-32).

#include "model/encoders/bottleneck.h"
#include "model/trunk.h"

namespace bbg::model {

// Its stages: root, then stage1, stage2 and so on, which end in the sum of their last unit.
class BottleneckResNet final : public StagedTrunk {
 public:
  BottleneckResNet(nn::Context& context, const nn::Scope& scope, const BottleneckTrunkShape& shape);
  // S of images: a multiple of 4 x 2^(stages - 1)
  at::Tensor stage(size_t index, at::Tensor h) override;
  at::Tensor end(at::Tensor h) override { return (*end_)(h); }
  bool is_averaged() const override { return true; }
  int64_t out_features() const override { return out_features_; }  // 2048: base 64, four stages

 private:
  struct Unit {
    Bottleneck bottleneck;
    std::optional<nn::Conv> shortcut;
  };

  PooledRoot root_;
  std::vector<std::vector<Unit>> units_;  // each stage after the root has some
  std::optional<PooledNorm> end_;
  int64_t out_features_ = 0;
};

}  // namespace bbg::model
