#include "model/discriminator.h"

#include "model/families.h"

namespace bbg::model {

Discriminator::Discriminator(const ModelOptions& options, const nn::Backend& backend, uint64_t seed)
    : Discriminator(family_of(options.block), options, backend, seed) {}

Discriminator::Discriminator(const Family& family, const ModelOptions& options,
                             const nn::Backend& backend, uint64_t seed)
    : nn::Network("D", options.network_settings(), backend, seed),
      may_mix_halves_(options.d_norm != DNorm::kBatch) {
  const nn::Scope code_root = options.h_init == HInit::kOrthogonal ? root().orthogonal() : root();
  parts_ = family.make_discriminator(context(), root(), code_root, options);
}

at::Tensor Discriminator::image_features(const at::Tensor& x) { return parts_->image_features(x); }

at::Tensor Discriminator::feature(const at::Tensor& x) { return parts_->feature(x); }

at::Tensor Discriminator::code_features(const at::Tensor& z) { return parts_->code_features(z); }

core::Scores Discriminator::scores(const at::Tensor& image_features,
                                   const at::Tensor& code_features, const at::Tensor& labels) {
  return parts_->scores(image_features, code_features, labels);
}

core::Scores Discriminator::forward(const at::Tensor& x, const at::Tensor& z,
                                    const at::Tensor& labels) {
  // F first, H second: backward takes the newest first, and H's gradients leave before F's
  // (docs/decisions/0004-exchange.md). As arguments of one call they would have no order.
  const at::Tensor of_images = image_features(x);
  const at::Tensor of_codes = code_features(z);
  return scores(of_images, of_codes, labels);
}

}  // namespace bbg::model
