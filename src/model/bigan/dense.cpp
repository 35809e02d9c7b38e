#include "model/bigan/dense.h"

#include "model/bigan/family.h"

namespace bbg::model {

at::Tensor flat_pixels(const at::Tensor& x) { return (x.flatten(1) + 1) / 2; }

int64_t num_pixels(const ModelOptions& options, int64_t resolution) {
  return options.channels * resolution * resolution;
}

DenseLayer::DenseLayer(nn::Context& context, const nn::Scope& scope, int64_t in, int64_t out,
                       bool normed, double leak)
    : linear_(context, scope, in, out, false, false), leak_(leak) {
  if (normed) norm_.emplace(context, scope / "norm", out);
}

at::Tensor DenseLayer::operator()(const at::Tensor& h, const at::Tensor& second) {
  at::Tensor out = linear_(h);
  if (second.defined()) out = out + second;
  if (norm_ && leak_ == 0) return (*norm_)(out, {.relu = true});
  if (norm_) out = (*norm_)(out);
  return leak_ > 0 ? at::leaky_relu(out, leak_) : at::relu(out);
}

DenseTrunk::DenseTrunk(nn::Context& context, const nn::Scope& scope, const ModelOptions& options,
                       int64_t resolution, int64_t width)
    : first_(context, scope / "layers.0", num_pixels(options, resolution), width, false, nn::kLeak),
      second_(context, scope / "layers.1", width, width, true, nn::kLeak),
      out_features_(width) {}

at::Tensor DenseTrunk::operator()(const at::Tensor& x) { return second_(first_(flat_pixels(x))); }

DenseDiscriminator::DenseDiscriminator(nn::Context& context, const nn::Scope& scope,
                                       const nn::Scope& code_scope, const ModelOptions& options)
    : width_(options.width),
      f_(context, scope / "F", num_pixels(options, options.resolution), options.width, false,
         nn::kLeak),
      h_(options.active_terms().xz
             ? std::optional<nn::Linear>(std::in_place, context, code_scope / "H", options.z_dim,
                                         options.width, false, false)
             : std::nullopt),
      j_(context, scope / "J", options.width, options.width, true, nn::kLeak),
      score_(context, scope / (options.active_terms().xz ? "score_xz" : "score_x"), options.width,
             1, false, false, nn::Start::kZero, nn::Precision::kFull) {}

at::Tensor DenseDiscriminator::image_features(const at::Tensor& x) { return f_(flat_pixels(x)); }

at::Tensor DenseDiscriminator::code_features(const at::Tensor& z) {
  return h_ ? (*h_)(z) : at::Tensor();
}

at::Tensor DenseDiscriminator::feature(const at::Tensor& x) {
  const at::Tensor features = image_features(x);
  return h_ ? features : j_(features);
}

at::Tensor DenseDiscriminator::score(const at::Tensor& image_features,
                                     const at::Tensor& code_features) {
  return score_(j_(image_features, code_features)).squeeze(1);
}

std::unique_ptr<DiscriminatorParts> make_dense_discriminator(nn::Context& context,
                                                             const nn::Scope& scope,
                                                             const nn::Scope& code_scope,
                                                             const ModelOptions& options) {
  return std::make_unique<DenseDiscriminator>(context, scope, code_scope, options);
}

}  // namespace bbg::model
