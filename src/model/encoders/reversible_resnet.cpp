#include "model/encoders/reversible_resnet.h"

namespace bbg::model {

ReversibleResNet::ReversibleResNet(nn::Context& context, const nn::Scope& scope,
                                   const BottleneckTrunkShape& shape, bool recompute)
    : root_(context, scope / "root", shape.channels, 4 * shape.base) {
  end_stage("root", scope);
  for (size_t stage = 0; stage < shape.units.size(); ++stage) {
    const int64_t in = stage == 0 ? 4 * shape.base : out_features_;
    out_features_ = stage == 0 ? in : 2 * in;
    stages_.emplace_back(context, scope / ("stages." + std::to_string(stage)), in, out_features_,
                         shape.units[stage], recompute);
    end_stage("stage" + std::to_string(stage + 1), scope);
  }
  end_.emplace(context, scope / "norm", out_features_, shape.last_relu);
  end_last_stage(scope);
}

at::Tensor ReversibleResNet::stage(size_t index, at::Tensor h) {
  if (index == 0) return ops::in_full(root_(h));
  if (index > 1) h = ops::average_pool(h);
  return stages_[index - 1](h);
}

}  // namespace bbg::model
