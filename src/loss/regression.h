#pragma once
// Costs of the systems that BiGAN is compared with (Donahue et al. 2017, section 4; docs/choices.md
// 58): means over samples and dimensions.

#include <ATen/ATen.h>

namespace bbg::loss {

// How far E's code of G(z) is from z. Uniform prior: cross-entropy of (z + 1) / 2 and
// sigmoid(logits), `mean` unread. Normal prior: `logits` is undefined, squared error of `mean`.
// All [N, z_dim].
at::Tensor latent_cost(const at::Tensor& mean, const at::Tensor& logits, const at::Tensor& z);

enum class Distance { kSquared, kAbsolute };

// Both [N, C, S, S] in [-1, 1].
at::Tensor reconstruction_cost(Distance distance, const at::Tensor& images,
                               const at::Tensor& reconstructions);

}  // namespace bbg::loss
