#pragma once
// The random numbers of one global batch, on the device. They come from (seed, draw, sample slot)
// only, so they are the same on any number of ranks.

#include <ATen/ATen.h>

#include <cstdint>
#include <limits>

#include "core/slots.h"
#include "model/model_options.h"

namespace bbg::train {

// The draws for one rank's slice of a global batch. `draw` numbers the global batches of a run.
struct Noise {
  at::Tensor z;        // [n, z_dim] ~ P_z
  at::Tensor epsilon;  // [n, z_dim] ~ N(0, I), for a stochastic encoder
  at::Tensor labels;   // [n] int64, uniform over the classes, of generated images; undefined where
                       // the model is not conditional
  // [n, 2, 7] float64 in [0, 1), for the changes that D sees of real and generated images
  // (train/diff_augment.h); undefined where none are made
  at::Tensor augment = {};
};
// A narrower law of z, for samples less varied and more typical (Brock et al. 2019, section 3.1):
// normal components beyond the threshold are drawn again, and what is left is multiplied
// (docs/choices.md 53).
struct Truncation {
  double threshold = std::numeric_limits<double>::infinity();
  double scale = 1;
};
// Truncation is for a normal prior alone.
Noise make_noise(uint64_t seed, int64_t draw, const core::Slots& slots,
                 const model::ModelOptions& options, at::TensorOptions tensor_options,
                 bool is_augmenting = false, const Truncation& truncation = {});

}  // namespace bbg::train
