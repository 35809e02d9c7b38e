#pragma once
// One sub-step of training: a D update, or a joint update of G and E (Donahue & Simonyan 2019,
// section 2; order and details: docs/choices.md 39, 43-46). Reads no clock, file or global; random
// numbers come from (seed, draw, sample slot) only. Every call is a collective.

#include "comm/communicator.h"
#include "core/types.h"
#include "loss/loss.h"
#include "train/train_state.h"

namespace bbg::train {

// Codes and encoder noise of one rank's slice of a global batch. `draw` numbers the global batches
// of a run.
struct Noise {
  at::Tensor z;        // [n, z_dim] ~ N(0, I)
  at::Tensor epsilon;  // [n, z_dim] ~ N(0, I)
};
Noise make_noise(uint64_t seed, int64_t draw, int64_t first_slot, int64_t count, int64_t z_dim,
                 at::TensorOptions tensor_options);

class Step {
 public:
  Step(TrainState& state, loss::Kind kind);

  // images: [n, C, S, S], this rank's slice. Learning rates are those of the update.
  loss::Loss update_discriminator(const at::Tensor& images, const Noise& noise, double lr_d);
  loss::Loss update_generator_encoder(const at::Tensor& images, const Noise& noise, double lr_g,
                                      double lr_e);

 private:
  TrainState& state_;
  loss::Kind kind_;
};

}  // namespace bbg::train
