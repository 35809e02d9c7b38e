#include "model/encoders/reversible_resnet.h"

namespace bbg::model {

ReversibleResNet::ReversibleResNet(nn::Context& context, const nn::Scope& scope,
                                   const BottleneckTrunkShape& shape, bool recompute)
    : root_(context, scope / "root", shape.channels, 4 * shape.base) {
  for (size_t stage = 0; stage < shape.units.size(); ++stage) {
    const int64_t in = stage == 0 ? 4 * shape.base : out_features_;
    out_features_ = stage == 0 ? in : 2 * in;
    stages_.emplace_back(context, scope / ("stages." + std::to_string(stage)), in, out_features_,
                         shape.units[stage], recompute);
  }
  end_.emplace(context, scope / "norm", out_features_, shape.last_relu);
}

at::Tensor ReversibleResNet::operator()(const at::Tensor& x) {
  at::Tensor h = ops::in_full(root_(x));
  for (size_t stage = 0; stage < stages_.size(); ++stage) {
    if (stage > 0) h = ops::average_pool(h);
    h = stages_[stage](h);
  }
  return (*end_)(h);
}

}  // namespace bbg::model
