#include "model/conditional_norm.h"

namespace bbg::model {

ConditionalNorm::ConditionalNorm(Context& context, const Scope& scope, int64_t condition_features,
                                 int64_t channels)
    : gain_(context, scope / "gain", condition_features, channels, false, true),
      bias_(context, scope / "bias", condition_features, channels, false, true),
      norm_(context, scope, channels) {}

at::Tensor ConditionalNorm::operator()(const at::Tensor& x, const at::Tensor& condition) {
  const at::Tensor gain = (1 + gain_(condition)).unsqueeze(-1).unsqueeze(-1);
  const at::Tensor bias = bias_(condition).unsqueeze(-1).unsqueeze(-1);
  return at::addcmul(bias, norm_.normalise(x), gain);
}

}  // namespace bbg::model
