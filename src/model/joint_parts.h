#pragma once
// The parts of BigBiGAN's discriminator around any trunk (Donahue & Simonyan 2019, section 2): F is
// the trunk, H a residual MLP on codes, J one on both features, and the scores are linear:
// s_x = th_x F(x), s_z = th_z H(z), s_xz = th_xz J(F(x), H(z)). Of these there is what the system's
// terms need.

#include <optional>

#include "model/discriminator_parts.h"
#include "model/model_options.h"
#include "model/trunk.h"
#include "nn/layers.h"
#include "nn/mlp.h"

namespace bbg::model {

class JointParts final : public DiscriminatorParts {
 public:
  // `scope` and `code_scope` as in Family::make_discriminator; the trunk has declared its own.
  JointParts(nn::Context& context, const nn::Scope& scope, const nn::Scope& code_scope,
             const ModelOptions& options, std::unique_ptr<Trunk> trunk);
  at::Tensor image_features(const at::Tensor& x) override;
  at::Tensor code_features(const at::Tensor& z) override;
  at::Tensor feature(const at::Tensor& x) override { return image_features(x); }
  int64_t feature_width() const override { return trunk_->out_features(); }
  core::Scores scores(const at::Tensor& image_features, const at::Tensor& code_features,
                      const at::Tensor& labels) override;

 private:
  std::unique_ptr<Trunk> trunk_;
  std::optional<nn::ResidualMlp> h_, j_;
  std::optional<nn::Linear> score_x_, score_z_, score_xz_;
  std::optional<nn::Weight> class_embedding_;  // [classes, f]
};

}  // namespace bbg::model
