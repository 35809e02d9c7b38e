#include "model/encoder.h"

#include "model/families.h"
#include "nn/layers.h"
#include "nn/mlp.h"

namespace bbg::model {

at::Tensor Code::sample(const at::Tensor& epsilon) const {
  return sigma.defined() ? at::addcmul(mean, sigma, epsilon) : mean;
}

struct Encoder::Parts {
  std::unique_ptr<Trunk> trunk;
  std::optional<nn::ResidualMlp> head;
  std::optional<nn::Linear> output;
};

Encoder::Encoder(const ModelOptions& options, const nn::Backend& backend, uint64_t seed)
    : nn::Network("E", options.network_settings(), backend, seed),
      parts_(new Parts),
      stochastic_(options.e_stochastic),
      is_bounded_(options.prior == Prior::kUniform) {
  const EncoderEntry& entry = encoder_of(options.encoder_kind());
  parts_->trunk = entry.make(context(), root(), options);
  feature_width_ = parts_->trunk->out_features();
  parts_->head.emplace(context(), root() / "head", feature_width_, options.e_head_width,
                       options.e_head_depth, false);
  parts_->output.emplace(
      context(), root() / "output", parts_->head->out_features(),
      options.z_dim * (stochastic_ ? 2 : 1),
      /*bias=*/!entry.is_bigans, false,
      entry.is_bigans && options.is_latent_regressor() ? nn::Start::kZero : nn::Start::kWeight,
      nn::Precision::kFull);
}

Encoder::~Encoder() = default;

Trunk& Encoder::trunk() { return *parts_->trunk; }

Code Encoder::forward(const at::Tensor& x) {
  const at::Tensor feature = ops::in_full(parts_->trunk->forward(x));
  const at::Tensor output = (*parts_->output)((*parts_->head)(feature));
  if (!stochastic_) {
    // Donahue et al. 2017's code keeps E's code where the uniform prior has its support.
    return {.mean = is_bounded_ ? at::tanh(output / 2) : output,
            .sigma = {},
            .feature = feature,
            .logits = is_bounded_ ? output : at::Tensor()};
  }
  const std::vector<at::Tensor> halves = output.chunk(2, 1);
  return {.mean = halves[0], .sigma = at::softplus(halves[1]), .feature = feature, .logits = {}};
}

}  // namespace bbg::model
