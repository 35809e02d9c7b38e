#pragma once
// Passes of a portion of a batch through the networks, up to the losses that backward starts from
// (Donahue & Simonyan 2019, section 2; docs/choices.md 39, 43-46, 58). Collectives where norms
// share their statistics.

#include <utility>

#include "loss/loss.h"
#include "model/nets.h"
#include "train/diff_augment.h"
#include "train/portions.h"
#include "train/train_options.h"

namespace bbg::train {

class Passes {
 public:
  // `nets` must outlive this object.
  Passes(model::Nets& nets, const model::ModelOptions& model, const TrainOptions& train,
         const loss::LossOptions& loss);

  // D's loss, which reaches D alone.
  loss::Loss discriminator_loss(const Portion& portion);
  // The loss of G and E: against D, or of an autoencoder where there is no D.
  loss::Loss generator_encoder_loss(const Portion& portion);
  // Both, of D first, from one pass.
  std::pair<loss::Loss, loss::Loss> both_losses(const Portion& portion);

 private:
  // G(z), and E(x) where D sees codes.
  struct Made {
    at::Tensor images, codes;
  };
  struct Pairs {
    core::Scores encoder, generator;
  };
  Made make(const Portion& portion);
  Pairs score(const Made& made, const Portion& portion);
  // The same scores, without the gradients that would reach neither G nor E.
  Pairs score_for_makers(const Made& made, const Portion& portion);
  loss::Loss loss_of_d(const Pairs& pairs) const;
  // `made`: G(z) that the pairs are of.
  loss::Loss loss_of_makers(const Pairs& pairs, const at::Tensor& made, const Portion& portion);
  // How far a latent regressor's E is from z on G(z). Reaches G with weight loss.latent-to-g.
  void add_latent_loss(const at::Tensor& made, const Portion& portion, loss::Loss& loss);
  loss::Loss autoencoder_loss(const Portion& portion);
  // Images as D sees them, at its resolution.
  at::Tensor shown_real(const Portion& portion) const;
  at::Tensor shown_made(const at::Tensor& made, const Portion& portion) const;
  at::Tensor real_labels(const Portion& portion) const;  // undefined: D asks for none

  model::Nets& nets_;
  model::ModelOptions model_;
  loss::LossOptions loss_;
  AugmentPolicy augment_;
  bool pairs_codes_;  // D sees E's codes of real images, and E learns from its scores
};

}  // namespace bbg::train
