#pragma once
// The discriminator of any family: F on images, H on codes, J on both features, and the scores
// s_x, s_z and s_xz (Donahue & Simonyan 2019, section 2), as far as the system has them.

#include <memory>

#include "core/types.h"
#include "model/family.h"
#include "model/model_options.h"
#include "nn/network.h"

namespace bbg::model {

class Discriminator final : public nn::Network {
 public:
  // Builds the family that model.block names.
  Discriminator(const ModelOptions& options, const nn::Backend& backend, uint64_t seed);
  Discriminator(const Family& family, const ModelOptions& options, const nn::Backend& backend,
                uint64_t seed);

  at::Tensor image_features(const at::Tensor& x);  // F: [N, C, S, S] -> [N, f]
  // [N, C, S, S] -> [N, f], what the score of the image reads; F(x) where there is none.
  at::Tensor feature(const at::Tensor& x);
  int64_t feature_width() const { return parts_->feature_width(); }  // f of feature()
  // H: [N, z_dim] -> [N, h]; undefined where no score reads the code.
  at::Tensor code_features(const at::Tensor& z);
  // labels [N] int64 where ModelOptions::is_conditional(): s_x gains <e(y), F(x)> (Miyato & Koyama
  // 2018). Scores that the system lacks stay undefined.
  core::Scores scores(const at::Tensor& image_features, const at::Tensor& code_features,
                      const at::Tensor& labels = {});
  // z may be undefined where no score reads the code.
  core::Scores forward(const at::Tensor& x, const at::Tensor& z, const at::Tensor& labels = {});

  // False with batch norm: then real and generated halves must not share a pass
  // (docs/choices.md 19).
  bool may_mix_halves() const { return may_mix_halves_; }

 private:
  std::unique_ptr<DiscriminatorParts> parts_;
  bool may_mix_halves_;
};

}  // namespace bbg::model
