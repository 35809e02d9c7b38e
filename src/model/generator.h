#pragma once
// G: code, and class where it is conditional -> image in [-1, 1]. The residual family is BigGAN's
// (Brock et al. 2019, section 3 and appendix B; docs/choices.md 1-11), the strided one a DCGAN with
// batch norm for small data, mlp and bigan those of BiGAN on MNIST and ImageNet (docs/choices.md
// 57, 61).

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

std::unique_ptr<Generator> make_generator(const ModelOptions& options, const nn::Backend& backend,
                                          uint64_t seed);

}  // namespace bbg::model
