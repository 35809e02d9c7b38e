#include "model/bigan/family.h"
#include "nn/cross_replica_norm.h"
#include "nn/layers.h"

namespace bbg::model {

namespace {

// The code enters each layer but the last.
class BiganGenerator final : public Generator {
 public:
  BiganGenerator(const ModelOptions& options, const nn::Backend& backend, uint64_t seed)
      : Generator("G", options.network_settings(), backend, seed),
        side_(options.resolution / 16),
        channels_{4 * options.generator_width(), 2 * options.generator_width(),
                  options.generator_width()} {
    const int64_t seeds = 2 * channels_[0] * side_ * side_;
    linear_.emplace(context(), root() / "linear", options.z_dim, seeds, false, false);
    // Each position of each channel is normalised by itself, as in the paper's code.
    norm0_.emplace(context(), root() / "norm0", seeds);
    code_.emplace(context(), root() / "code", options.z_dim, 7 * options.generator_width(), false,
                  false, nn::Start::kInjected);
    for (size_t i = 0; i < channels_.size(); ++i) {
      const std::string index = std::to_string(i);
      deconvs_.emplace_back(context(), root() / ("deconvs." + index), 2 * channels_[i],
                            channels_[i], 5, false);
      norms_.emplace_back(context(), root() / ("norms." + index), channels_[i]);
    }
    output_.emplace(context(), root() / "output", channels_.back(), options.channels, 5, false);
  }

  at::Tensor forward(const at::Tensor& z, const at::Tensor&) override {
    const std::vector<at::Tensor> codes = (*code_)(z).split_with_sizes(channels_, 1);
    at::Tensor h = (*norm0_)((*linear_)(z), true).view({-1, 2 * channels_[0], side_, side_});
    for (size_t i = 0; i < deconvs_.size(); ++i) {
      h = norms_[i](deconvs_[i](h) + codes[i].unsqueeze(-1).unsqueeze(-1), true);
    }
    return at::tanh(ops::in_full((*output_)(h)) / 2);  // as in dense_generator.cpp
  }

 private:
  int64_t side_;                   // side of the first map
  std::vector<int64_t> channels_;  // one for each of deconvs_
  std::optional<nn::Linear> linear_, code_;
  std::optional<nn::BatchNorm> norm0_;
  std::vector<nn::UpConv> deconvs_;
  std::vector<nn::BatchNorm> norms_;
  std::optional<nn::UpConv> output_;
};

}  // namespace

std::unique_ptr<Generator> make_bigan_generator(const ModelOptions& options,
                                                const nn::Backend& backend, uint64_t seed) {
  return std::make_unique<BiganGenerator>(options, backend, seed);
}

}  // namespace bbg::model
