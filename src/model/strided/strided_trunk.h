#pragma once
// Image -> feature vector by 4x4 stride-2 convolutions with leaky ReLU 0.2, widths doubling from
// `width`, down to 4x4, flattened. F and E of the strided family share it; they differ in the norm.

#include "model/model_options.h"
#include "model/trunk.h"
#include "nn/cross_replica_norm.h"
#include "nn/layers.h"

namespace bbg::model {

// A power of two from 16 to 128 px.
bool is_strided_size(int64_t resolution);

// Its stages conv1, conv2 and so on end after the leaky ReLU.
class StridedTrunk final : public StagedTrunk {
 public:
  // Batch norm stands from the second convolution on; spectral norm is on all.
  StridedTrunk(nn::Context& context, const nn::Scope& scope, const ModelOptions& options,
               int64_t resolution, int64_t width, DNorm norm);
  at::Tensor stage(size_t index, at::Tensor h) override;
  at::Tensor end(at::Tensor h) override { return h.flatten(1); }
  bool is_averaged() const override { return false; }
  int64_t out_features() const override { return out_features_; }

 private:
  std::vector<nn::Conv> convs_;
  std::vector<nn::BatchNorm> norms_;  // empty without batch norm; norms_[i] follows convs_[i + 1]
  int64_t out_features_ = 0;
};

}  // namespace bbg::model
