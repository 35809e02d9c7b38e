#pragma once
// G: code, and class where it is conditional -> image in [-1, 1]. Each family has its own
// (model/families.h).

#include <memory>

#include "model/model_options.h"
#include "nn/network.h"

namespace bbg::model {

class Generator : public nn::Network {
 public:
  using Network::Network;
  // z [N, z_dim] -> [N, C, S, S] in [-1, 1]. labels [N] int64 where ModelOptions::is_conditional(),
  // else ignored and may be undefined.
  virtual at::Tensor forward(const at::Tensor& z, const at::Tensor& labels = {}) = 0;
};

// The generator of the family that model.block names.
std::unique_ptr<Generator> make_generator(const ModelOptions& options, const nn::Backend& backend,
                                          uint64_t seed);

}  // namespace bbg::model
