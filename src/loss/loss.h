#pragma once
// Losses on the scores of encoder pairs (x, E(x)) and generator pairs (G(z), z), each term the mean
// over this rank's samples; terms that a system lacks (undefined scores) count nothing. The terms
// are added, or averaged, and `scale` multiplies all of it (docs/choices.md 47).
//
// hinge (Donahue & Simonyan 2019, section 2): D: max(0, 1 - y s) per term, each clamped by itself;
// G and E: y s, y = +1 for encoder pairs and -1 for generator pairs. logistic: D: softplus(-y s);
// G and E the label-swapped softplus(y s) (Donahue et al. 2017, BiGAN).

#include <vector>

#include "core/options.h"
#include "core/types.h"
#include "loss/regression.h"

namespace bbg::loss {

enum class Kind { kHinge, kLogistic };
enum class Form { kSum, kMean };  // how terms are joined

struct LossOptions {
  Kind kind = Kind::kHinge;
  Form form = Form::kSum;
  double scale = 1;
  double latent_to_g = 0;
  Distance reconstruction = Distance::kSquared;

  void declare(core::OptionTable& table);
  // A term's value where all scores are zero; the same number on every processor.
  double discriminator_at_chance() const;
};

struct Loss {
  at::Tensor total;  // scalar; backward starts here
  // its terms, detached; undefined where the system lacks the term
  at::Tensor x, z, xz;
  at::Tensor latent, reconstruction;  // loss/regression.h

  // Adds scale * cost to the total, and keeps it in `term`, one of the above.
  void add(const at::Tensor& cost, double scale, at::Tensor Loss::*term);
};

// Mean over portions of one batch, which are equally large; detached.
Loss mean(const std::vector<Loss>& portions);

Loss discriminator_loss(Kind kind, const core::Scores& encoder_pairs,
                        const core::Scores& generator_pairs, Form form = Form::kSum,
                        double scale = 1);
// Encoder pairs are all undefined in a system without an encoder: its G learns from generator pairs
// alone.
Loss generator_encoder_loss(Kind kind, const core::Scores& encoder_pairs,
                            const core::Scores& generator_pairs, Form form = Form::kSum,
                            double scale = 1);

}  // namespace bbg::loss
