#pragma once
// The joint discriminator (Donahue & Simonyan 2019, section 2): F on images, H on codes, J on both
// features, and three linear scores s_x = th_x F(x), s_z = th_z H(z), s_xz = th_xz J(F(x), H(z)).
// Blocks of kind mlp and bigan have one score, the system's (model/bigan/single_score.h).

#include <memory>

#include "core/types.h"
#include "model/model_options.h"
#include "nn/network.h"

namespace bbg::model {

class Discriminator final : public nn::Network {
 public:
  Discriminator(const ModelOptions& options, const nn::Backend& backend, uint64_t seed);
  ~Discriminator() override;

  at::Tensor image_features(const at::Tensor& x);  // F: [N, C, S, S] -> [N, f]
  // [N, C, S, S] -> [N, f], what the score of the image reads; F(x) where there is none.
  at::Tensor feature(const at::Tensor& x);
  int64_t feature_width() const { return feature_width_; }  // f of feature()
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
  struct Parts;
  std::unique_ptr<Parts> parts_;
  bool may_mix_halves_;
  int64_t feature_width_ = 0;
};

}  // namespace bbg::model
