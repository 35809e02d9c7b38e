#pragma once
// The residual encoder trunk for small images: pre-activation basic blocks, two to a stage
// (docs/choices.md 27, 29, 31, 34).

#include "model/trunk.h"
#include "nn/cross_replica_norm.h"
#include "nn/layers.h"

namespace bbg::model {

// Two 3x3 convolutions, each after BN and ReLU; the projection shortcut reads the activated tensor.
class BasicBlock {
 public:
  BasicBlock(nn::Context& context, const nn::Scope& scope, int64_t in, int64_t out, int64_t stride);
  at::Tensor operator()(const at::Tensor& x);  // [N, in, S, S] -> [N, out, S/stride, S/stride]

 private:
  nn::BatchNorm norm1_;
  nn::Conv conv1_;
  nn::BatchNorm norm2_;
  nn::Conv conv2_;
  std::optional<nn::Conv> shortcut_;
};

// Its stages: root, then stage1, stage2 and so on, which end in the sum of their second block.
class SmallResNet final : public StagedTrunk {
 public:
  // resolution: a power of two, at least 8. The last stage works at 8x8: 3 stages at 32 px and 4
  // at 64 px, of widths base x 1, 2, 4 (, 8). last_relu: between the last norm and the average.
  SmallResNet(nn::Context& context, const nn::Scope& scope, int64_t channels, int64_t base,
              int64_t resolution, bool last_relu = false);
  at::Tensor stage(size_t index, at::Tensor h) override;
  at::Tensor end(at::Tensor h) override;
  bool is_averaged() const override { return true; }
  int64_t out_features() const override { return out_features_; }

 private:
  static constexpr size_t kBlocks = 2;  // in a stage

  nn::Conv root_;
  std::vector<BasicBlock> blocks_;
  std::optional<nn::BatchNorm> norm_;
  int64_t out_features_ = 0;
  bool last_relu_;
};

}  // namespace bbg::model
