#include "model/encoder.h"

#include "model/bigan/dense.h"
#include "model/encoders/alexnet.h"
#include "model/encoders/bottleneck_resnet.h"
#include "model/encoders/reversible_resnet.h"
#include "model/encoders/small_resnet.h"
#include "model/strided/strided_trunk.h"
#include "nn/layers.h"
#include "nn/mlp.h"

namespace bbg::model {

at::Tensor Code::sample(const at::Tensor& epsilon) const {
  return sigma.defined() ? at::addcmul(mean, sigma, epsilon) : mean;
}

struct Encoder::Parts {
  std::function<at::Tensor(const at::Tensor&)> trunk;  // [N, C, S, S] -> [N, f]
  std::optional<nn::ResidualMlp> head;
  std::optional<nn::Linear> output;

  // Owns the trunk; returns f.
  template <class Trunk, class... Arguments>
  int64_t set_trunk(Arguments&&... arguments) {
    const auto made = std::make_shared<Trunk>(std::forward<Arguments>(arguments)...);
    trunk = [made](const at::Tensor& x) { return (*made)(x); };
    return made->out_features();
  }
  int64_t make_trunk(nn::Context& context, const nn::Scope& scope, const ModelOptions& options);
};

int64_t Encoder::Parts::make_trunk(nn::Context& context, const nn::Scope& scope,
                                   const ModelOptions& options) {
  const EncoderKind kind = options.encoder_kind();
  const int64_t resolution = options.data_resolution();
  if (kind == EncoderKind::kStrided) {
    return set_trunk<StridedTrunk>(context, scope, options, resolution, options.e_width,
                                   DNorm::kBatch);
  }
  if (kind == EncoderKind::kMlp) {
    return set_trunk<DenseTrunk>(context, scope, options, resolution, options.e_width);
  }
  if (kind == EncoderKind::kAlexNet) {
    return set_trunk<AlexNet>(context, scope, options.channels, options.e_width, resolution);
  }
  if (kind == EncoderKind::kSmall) {
    return set_trunk<SmallResNet>(context, scope, options.channels, options.e_width, resolution,
                                  options.e_last_relu);
  }
  BottleneckTrunkShape shape{.channels = options.channels,
                             .base = options.e_width,
                             .units = {3, 4, kind == EncoderKind::kResNet101 ? 23 : 6, 3},
                             .last_relu = options.e_last_relu};
  if (kind == EncoderKind::kRevNet50) return set_trunk<ReversibleResNet>(context, scope, shape);
  return set_trunk<BottleneckResNet>(context, scope, shape);
}

Encoder::Encoder(const ModelOptions& options, const nn::Backend& backend, uint64_t seed)
    : nn::Network("E", options.network_settings(), backend, seed),
      parts_(new Parts),
      stochastic_(options.e_stochastic),
      is_bounded_(options.prior == Prior::kUniform) {
  // The last linear map of BiGAN's encoders has no bias.
  const bool is_bigans = options.encoder_kind() == EncoderKind::kMlp ||
                         options.encoder_kind() == EncoderKind::kAlexNet;
  feature_width_ = parts_->make_trunk(context(), root(), options);
  parts_->head.emplace(context(), root() / "head", feature_width_, options.e_head_width,
                       options.e_head_depth, false);
  // docs/choices.md C1
  parts_->output.emplace(
      context(), root() / "output", parts_->head->out_features(),
      options.z_dim * (stochastic_ ? 2 : 1),
      /*bias=*/!is_bigans, false,
      is_bigans && options.is_latent_regressor() ? nn::Start::kZero : nn::Start::kWeight,
      nn::Precision::kFull);
}

Encoder::~Encoder() = default;

Code Encoder::forward(const at::Tensor& x) {
  const at::Tensor feature = ops::in_full(parts_->trunk(x));
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
