#include "nn/conditional_norm.h"

namespace bbg::nn {

ConditionalNorm::ConditionalNorm(Context& context, const Scope& scope, ConditionKind kind,
                                 int64_t channels) {
  if (kind.features > 0) {
    gain_map_.emplace(context, scope / "gain", kind.features, channels, false, true, Start::kWeight,
                      Precision::kFull);
    bias_map_.emplace(context, scope / "bias", kind.features, channels, false, true, Start::kWeight,
                      Precision::kFull);
  } else if (kind.classes > 0) {
    gain_table_ = (scope / "gain").parameter("weight", {kind.classes, channels}, Start::kWeight);
    bias_table_ = (scope / "bias").parameter("weight", {kind.classes, channels}, Start::kWeight);
  } else {
    plain_.emplace(context, scope, channels);
    return;
  }
  norm_.emplace(context, scope, channels);
}

at::Tensor ConditionalNorm::operator()(const at::Tensor& x, const Condition& condition, bool relu) {
  if (plain_) return (*plain_)(x, relu);
  const at::Tensor gain =
      gain_map_ ? (*gain_map_)(condition.vector) : at::embedding(gain_table_, condition.labels);
  const at::Tensor bias =
      bias_map_ ? (*bias_map_)(condition.vector) : at::embedding(bias_table_, condition.labels);
  return (*norm_)(x, {.gain = 1 + gain, .bias = bias, .relu = relu});
}

}  // namespace bbg::nn
