#include "model/bigan/bigan_discriminator.h"

#include "model/bigan/family.h"

namespace bbg::model {

namespace {

nn::ConvShape shape(int64_t in, int64_t out) {
  return {.in = in, .out = out, .kernel = 5, .stride = 2, .bias = false};
}

}  // namespace

BiganDiscriminator::BiganDiscriminator(nn::Context& context, const nn::Scope& scope,
                                       const nn::Scope& code_scope, const ModelOptions& options)
    : f_(context, scope / "F", shape(options.channels, options.width), false),
      channels_{2 * options.width, 4 * options.width, 8 * options.width} {
  const bool reads_code = options.active_terms().xz;
  if (reads_code) {
    h_.emplace(context, code_scope / "H", options.z_dim, 14 * options.width, false, false,
               nn::Start::kInjected);
  }
  for (size_t i = 0; i < channels_.size(); ++i) {
    const std::string index = std::to_string(i);
    convs_.emplace_back(context, scope / ("J.convs." + index),
                        shape(channels_[i] / 2, channels_[i]), false);
    norms_.emplace_back(context, scope / ("J.norms." + index), channels_[i]);
  }
  const int64_t side = options.resolution / 16, area = options.resolution * options.resolution / 4;
  feature_width_ = reads_code ? options.width * area : channels_.back() * side * side;
  score_.emplace(context, scope / (reads_code ? "score_xz" : "score_x"),
                 channels_.back() * side * side, 1, false, false, nn::Start::kZero,
                 nn::Precision::kFull);
}

at::Tensor BiganDiscriminator::image_features(const at::Tensor& x) {
  return at::leaky_relu(f_(x), nn::kLeak);
}

at::Tensor BiganDiscriminator::code_features(const at::Tensor& z) {
  return h_ ? (*h_)(z) : at::Tensor();
}

at::Tensor BiganDiscriminator::feature(const at::Tensor& x) {
  const at::Tensor features = image_features(x);
  return h_ ? features.flatten(1) : join(features, {});
}

at::Tensor BiganDiscriminator::score(const at::Tensor& image_features,
                                     const at::Tensor& code_features) {
  return (*score_)(join(image_features, code_features)).squeeze(1);
}

at::Tensor BiganDiscriminator::join(const at::Tensor& image_features,
                                    const at::Tensor& code_features) {
  std::vector<at::Tensor> codes;
  if (code_features.defined()) codes = code_features.split_with_sizes(channels_, 1);
  at::Tensor h = image_features;
  for (size_t i = 0; i < convs_.size(); ++i) {
    h = convs_[i](h);
    if (!codes.empty()) h = h + codes[i].unsqueeze(-1).unsqueeze(-1);
    h = at::leaky_relu(norms_[i](h), nn::kLeak);
  }
  return h.flatten(1);
}

std::unique_ptr<DiscriminatorParts> make_bigan_discriminator(nn::Context& context,
                                                             const nn::Scope& scope,
                                                             const nn::Scope& code_scope,
                                                             const ModelOptions& options) {
  return std::make_unique<BiganDiscriminator>(context, scope, code_scope, options);
}

}  // namespace bbg::model
