#pragma once
// Spectral normalisation (Miyato et al. 2018): W / sigma(W), sigma by one power iteration a
// sub-step. Conventions of docs/choices.md 36-40: u has one entry per row of W viewed as
// [C_out, rest]; v = n(u W), u' = n(v W^T), sigma = u' W v^T with u', v constant in backward;
// n(x) = x / max(|x|, eps). float32 or float64.

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace bbg::ops {

struct PowerIteration {
  at::Tensor v;      // [rest]
  at::Tensor u;      // [C_out], after the iteration
  at::Tensor sigma;  // scalar
};
// Without a graph.
PowerIteration iterate(const at::Tensor& weight, const at::Tensor& u, double eps);
// W / sigma, differentiable in W.
at::Tensor divided_by_norm(const at::Tensor& weight, const PowerIteration& iteration);

struct SpectralResult {
  at::Tensor weight;  // W / sigma, differentiable in W
  at::Tensor u;       // [C_out], after the iteration
  at::Tensor sigma;   // scalar
};
SpectralResult spectral_norm(const at::Tensor& weight, const at::Tensor& u, double eps);

// A weight under spectral norm, its vector, and the newest iteration.
struct SpectralWeight {
  at::Tensor raw, u;
  PowerIteration iteration = {};
};

// The places of weights in memory, for a GPU's kernels; made anew when they have moved.
struct MatrixTable {
  std::vector<uint8_t> bytes;
  at::Tensor on_device;
};

// All the weights of a network that are under spectral norm.
struct SpectralWeights {
  std::vector<std::shared_ptr<SpectralWeight>> all;
  MatrixTable table;
};

}  // namespace bbg::ops
