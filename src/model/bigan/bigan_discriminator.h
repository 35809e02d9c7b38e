#pragma once
// D of BiGAN on ImageNet (Donahue et al. 2017; docs/choices.md 61): four 5x5 convolutions of stride
// 2 and widths 1, 2, 4 and 8 times `width`, without biases, leaky ReLU 0.2; from the second on a
// linear map of the code is added to each, then batch norm. F is the first, H the maps of the code
// for all others, J the others with their norms; where no score reads the code, H is absent. The
// score's weight starts at zero.

#include <optional>

#include "model/bigan/single_score.h"
#include "model/model_options.h"
#include "nn/cross_replica_norm.h"
#include "nn/layers.h"

namespace bbg::model {

class BiganDiscriminator final : public SingleScore {
 public:
  // The resolution is a multiple of 16.
  BiganDiscriminator(nn::Context& context, const nn::Scope& scope, const nn::Scope& code_scope,
                     const ModelOptions& options);
  at::Tensor image_features(const at::Tensor& x) override;  // -> [N, width, S/2, S/2]
  at::Tensor code_features(const at::Tensor& z) override;   // -> [N, (2 + 4 + 8) width]
  at::Tensor feature(const at::Tensor& x) override;
  int64_t feature_width() const override { return feature_width_; }

 private:
  at::Tensor score(const at::Tensor& image_features, const at::Tensor& code_features) override;
  at::Tensor join(const at::Tensor& image_features, const at::Tensor& code_features);  // J, flat

  nn::Conv f_;
  std::optional<nn::Linear> h_;
  std::vector<nn::Conv> convs_;
  std::vector<nn::BatchNorm> norms_;
  std::vector<int64_t> channels_;  // one for each of convs_
  std::optional<nn::Linear> score_;
  int64_t feature_width_ = 0;
};

}  // namespace bbg::model
