#pragma once
// Pre-activation ResNet of bottleneck units (ResNet-v2-50, -101 and wider ones), the plain encoder
// trunk of Donahue & Simonyan 2019 (docs/choices.md 27-32).

#include "model/encoders/bottleneck.h"

namespace bbg::model {

class BottleneckResNet {
 public:
  BottleneckResNet(nn::Context& context, const nn::Scope& scope, const BottleneckTrunkShape& shape);
  // [N, C, S, S] -> [N, out_features()]; S a multiple of 4 x 2^(stages - 1)
  at::Tensor operator()(const at::Tensor& x);
  int64_t out_features() const { return out_features_; }  // 2048 for base 64 and four stages

 private:
  struct Unit {
    Bottleneck bottleneck;
    std::optional<nn::Conv> shortcut;
  };

  PooledRoot root_;
  std::vector<Unit> units_;
  std::optional<PooledNorm> end_;
  int64_t out_features_ = 0;
};

}  // namespace bbg::model
