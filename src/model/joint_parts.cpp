#include "model/joint_parts.h"

namespace bbg::model {

JointParts::JointParts(nn::Context& context, const nn::Scope& scope, const nn::Scope& code_scope,
                       const ModelOptions& options, std::unique_ptr<Trunk> trunk)
    : trunk_(std::move(trunk)) {
  const bool spectral = options.d_norm == DNorm::kSpectral;
  const Terms terms = options.active_terms();
  const int64_t image_features = trunk_->out_features();
  int64_t code_features = 0;
  if (terms.read_code()) {
    h_.emplace(context, code_scope / "H", options.z_dim, options.h_width, options.h_depth,
               spectral);
    code_features = h_->out_features();
  }
  if (terms.xz) {
    j_.emplace(context, scope / "J", image_features + code_features, options.j_width,
               options.j_depth, spectral);
  }
  const auto add_score = [&](std::optional<nn::Linear>& score, const nn::Scope& place,
                             int64_t features) {
    score.emplace(context, place, features, 1, true, spectral, nn::Start::kWeight,
                  nn::Precision::kFull);
  };
  if (terms.x) {
    add_score(score_x_, scope / "score_x", image_features);
    if (options.is_conditional()) {
      class_embedding_.emplace(context, scope / "class_embedding",
                               at::IntArrayRef{options.num_classes, image_features}, spectral,
                               nn::Start::kWeight, ops::Resample::kNone, nn::Precision::kFull);
    }
  }
  if (terms.z) add_score(score_z_, code_scope / "score_z", code_features);
  if (terms.xz) add_score(score_xz_, scope / "score_xz", j_->out_features());
}

at::Tensor JointParts::image_features(const at::Tensor& x) {
  return ops::in_full(trunk_->forward(x));
}

at::Tensor JointParts::code_features(const at::Tensor& z) {
  return h_ ? ops::in_full((*h_)(z)) : at::Tensor();
}

core::Scores JointParts::scores(const at::Tensor& image_features, const at::Tensor& code_features,
                                const at::Tensor& labels) {
  core::Scores scores;
  if (score_x_) {
    scores.x = (*score_x_)(image_features).squeeze(1);
    if (class_embedding_) {
      const at::Tensor embedded = at::embedding(class_embedding_->effective(), labels);
      scores.x = scores.x + (embedded * image_features).sum(1);
    }
  }
  if (score_z_) scores.z = (*score_z_)(code_features).squeeze(1);
  if (score_xz_) {
    const at::Tensor joint = (*j_)(at::cat({image_features, code_features}, 1));
    scores.xz = (*score_xz_)(joint).squeeze(1);
  }
  return scores;
}

}  // namespace bbg::model
