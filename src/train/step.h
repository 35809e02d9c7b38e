#pragma once
// One sub-step of training: a D update, or a joint update of G and E (Donahue & Simonyan 2019,
// section 2; order and details: docs/choices.md 39, 43-46), or both together as in BiGAN; and those
// of the systems that BiGAN is compared with (docs/choices.md 58). Reads no clock, file or global;
// random numbers come from (seed, draw, sample slot) only. Every call is a collective. On a GPU
// calls return when all is enqueued on the current stream, and an update may be a recorded one
// (train.cuda-graphs): the losses that come back are overwritten by the next of its kind.

#include <memory>
#include <utility>

#include "core/types.h"
#include "loss/loss.h"
#include "train/noise.h"
#include "train/passes.h"
#include "train/shrink.h"
#include "train/train_state.h"
#include "train/update_graphs.h"

namespace bbg::train {

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
  // Each kind of update from its start to its end, at the rates that are set.
  enum Kind { kDiscriminator, kGeneratorEncoder, kTogether };
  using Losses = UpdateGraphs::Losses;
  Losses make_update(Kind kind, const core::Batch& batch, const Noise& noise);
  loss::Loss make_discriminator_update(const core::Batch& batch, const Noise& noise);
  loss::Loss make_generator_encoder_update(const core::Batch& batch, const Noise& noise);
  Losses make_joint_update(const core::Batch& batch, const Noise& noise);

  // A portion's part of the batch's loss, such that the exchange leaves the mean of gradients.
  at::Tensor share(const loss::Loss& loss) const;
  // The next four are for G and E; D's are apart.
  void set_rates(double lr_g, double lr_e);
  void zero_gradients();
  void begin_exchange();  // before the last backward of an update
  void update_networks();
  void update_d();

  TrainState& state_;
  TrainOptions train_;
  Passes passes_;
  std::unique_ptr<UpdateGraphs> graphs_;  // null: every update is made call by call
};

}  // namespace bbg::train
