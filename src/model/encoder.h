#pragma once
// E: image -> distribution over codes, N(mu, sigma^2) or a point (Donahue & Simonyan 2019,
// section 2; docs/choices.md 25, 34).

#include <memory>

#include "model/model_options.h"
#include "model/trunk.h"
#include "nn/network.h"

namespace bbg::model {

struct Code {
  at::Tensor mean;     // [N, z_dim]
  at::Tensor sigma;    // [N, z_dim], softplus; undefined for a deterministic encoder
  at::Tensor feature;  // [N, f], what linear probes and neighbours are measured on
  at::Tensor logits;   // [N, z_dim], mean = 2 sigmoid(logits) - 1; undefined for a normal prior

  at::Tensor sample(const at::Tensor& epsilon) const;  // mean + sigma * epsilon
};

class Encoder final : public nn::Network {
 public:
  Encoder(const ModelOptions& options, const nn::Backend& backend, uint64_t seed);
  ~Encoder() override;

  Code forward(const at::Tensor& x);                        // [N, C, S, S] in [-1, 1]
  int64_t feature_width() const { return feature_width_; }  // f of Code::feature
  // The layers before the head. The store begins with their parameters.
  Trunk& trunk();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
  int64_t feature_width_ = 0;
  bool stochastic_, is_bounded_;
};

}  // namespace bbg::model
