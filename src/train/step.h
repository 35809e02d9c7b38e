#pragma once
// One sub-step of training: a D update, or a joint update of G and E (Donahue & Simonyan 2019,
// section 2; order and details: docs/choices.md 39, 43-46), or both together as in BiGAN; and those
// of the systems that BiGAN is compared with (docs/choices.md 58). Reads no clock, file or global;
// random numbers come from (seed, draw, sample slot) only. Every call is a collective. On a GPU
// calls return when all is enqueued on the current stream, and an update may be a recorded one
// (train.cuda-graphs): the losses that come back are overwritten by the next of its kind.

#include <memory>
#include <utility>
#include <vector>

#include "comm/communicator.h"
#include "core/types.h"
#include "loss/loss.h"
#include "train/diff_augment.h"
#include "train/noise.h"
#include "train/train_state.h"
#include "train/update_graphs.h"

namespace bbg::train {

// [n, C, S, S] -> [n, C, size, size]: the same tensor where S is size, averages of blocks where S
// is a multiple of size, else resampled with a triangle as wide as two pixels of the result
// (docs/choices.md 35, 63).
at::Tensor shrink(const at::Tensor& images, int64_t size);

class Step {
 public:
  Step(TrainState& state, const model::ModelOptions& model, const TrainOptions& train,
       const loss::LossOptions& loss);

  // `batch`: this rank's slice, images at E's resolution, worked through in train.accumulate equal
  // portions. Learning rates are those of the update. The losses that come back have no graph.
  // A system without D has no updates of it: never called.
  loss::Loss update_discriminator(const core::Batch& batch, const Noise& noise, double lr_d);
  loss::Loss update_generator_encoder(const core::Batch& batch, const Noise& noise, double lr_g,
                                      double lr_e);
  // Both gradients on this batch at the parameters as they are, from one pass through the networks;
  // then both updates. Returns the losses of D (empty without D) and of G and E.
  std::pair<loss::Loss, loss::Loss> update_together(const core::Batch& batch, const Noise& noise,
                                                    double lr_g, double lr_e, double lr_d);

 private:
  struct Pairs {
    core::Scores encoder, generator;
  };
  // What of a batch goes through the networks at once.
  struct Portion {
    core::Batch batch;
    Noise noise;
    bool is_first, is_last;
  };
  std::vector<Portion> portions(const core::Batch& batch, const Noise& noise) const;
  // Before a network's first forward on a portion.
  static void begin(nn::Network& network, const Portion& portion);
  // Of the batch's loss, in a portion's, such that the exchange leaves the mean of gradients.
  at::Tensor share(const loss::Loss& loss) const;
  void backward(const loss::Loss& loss) const;
  Pairs score(const core::Batch& batch, const at::Tensor& code, const at::Tensor& generated,
              const Noise& noise);
  loss::Loss discriminator_loss(const Pairs& pairs) const;
  loss::Loss generator_encoder_loss(const Pairs& pairs) const;
  // Of G and E in a system with D.
  loss::Loss adversarial_loss(const Portion& portion);
  // What a latent regressor's E makes of G(z), whose code is z. Reaches G with weight
  // loss.latent-to-g.
  void add_latent_loss(const at::Tensor& generated, const Portion& portion, loss::Loss& loss);
  loss::Loss autoencoder_loss(const Portion& portion);
  // Before the last backward of an update, and after it; D's are apart.
  void begin_exchange();
  void update_networks();
  // What D sees of a batch's images, at its resolution, and of generated ones.
  at::Tensor shown_real(const core::Batch& batch, const Noise& noise) const;
  at::Tensor shown_generated(const at::Tensor& generated, const Noise& noise) const;
  // Averages the gradients over ranks, clips them (docs/choices.md 70), adds those of
  // regularisation and makes Adam's step.
  void update(Trained& trained, const nn::Network& network);
  void add_orthogonal_gradients(const nn::Network& network);
  // Each kind of update from its start to its end, at the rates that are set.
  enum Kind { kDiscriminator, kGeneratorEncoder, kTogether };
  using Losses = UpdateGraphs::Losses;
  Losses make_update(Kind kind, const core::Batch& batch, const Noise& noise);
  loss::Loss make_discriminator_update(const core::Batch& batch, const Noise& noise);
  loss::Loss make_generator_encoder_update(const core::Batch& batch, const Noise& noise);
  Losses make_joint_update(const core::Batch& batch, const Noise& noise);

  TrainState& state_;
  model::ModelOptions model_;
  TrainOptions train_;
  loss::LossOptions loss_;
  AugmentPolicy augment_;
  bool pairs_codes_;  // D sees E's codes of real images, and E learns from its scores
  std::unique_ptr<UpdateGraphs> graphs_;  // null: every update is made call by call
};

}  // namespace bbg::train
