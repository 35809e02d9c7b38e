#pragma once
// Largest singular values of a network's weights: BigGAN's collapse shows in them first, exploding
// in G (Brock et al. 2019, section 4).

#include "core/values.h"
#include "nn/network.h"

namespace bbg::train {

// "sigma.<network>.<parameter>" -> largest singular value of each parameter of two or more
// dimensions, viewed as [first, rest], raw, not divided by its spectral norm; and last
// "sigma_max_<network>", the largest of them. By power iteration from a fixed start, the same on
// all ranks: a lower bound, within 2 % for random matrices (docs/choices.md C4), exact where one
// direction dominates, as in a collapse.
core::Values top_singular_values(const std::string& network_name, const nn::Network& network);

}  // namespace bbg::train
