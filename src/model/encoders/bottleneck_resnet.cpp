#include "model/encoders/bottleneck_resnet.h"

namespace bbg::model {

BottleneckResNet::BottleneckResNet(nn::Context& context, const nn::Scope& scope,
                                   const BottleneckTrunkShape& shape)
    : root_(context, scope / "root", shape.channels, shape.base) {
  end_stage("root", scope);
  int64_t in = shape.base;
  for (size_t stage = 0; stage < shape.units.size(); ++stage) {
    const int64_t inner = shape.base << stage, out = 4 * inner;
    std::vector<Unit>& units = units_.emplace_back();
    for (int64_t i = 0; i < shape.units[stage]; ++i) {
      const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      const nn::Scope place = scope / ("stages." + std::to_string(stage) + "." + std::to_string(i));
      Bottleneck bottleneck(context, place,
                            {.in = in, .inner = inner, .out = out, .stride = stride});
      std::optional<nn::Conv> shortcut;
      if (stride != 1 || in != out) {
        shortcut.emplace(
            context, place / "shortcut",
            nn::ConvShape{.in = in, .out = out, .kernel = 1, .stride = stride, .bias = false},
            false);
      }
      units.push_back({std::move(bottleneck), std::move(shortcut)});
      in = out;
    }
    end_stage("stage" + std::to_string(stage + 1), scope);
  }
  end_.emplace(context, scope / "norm", in, shape.last_relu);
  end_last_stage(scope);
  out_features_ = in;
}

at::Tensor BottleneckResNet::stage(size_t index, at::Tensor h) {
  if (index == 0) return root_(h);
  for (Unit& unit : units_[index - 1]) {
    const at::Tensor activated = unit.bottleneck.activate(h);
    // In this order, so that backward reaches the shortcut first, whose gradients leave first.
    const at::Tensor branch = unit.bottleneck.branch(activated);
    h = branch + (unit.shortcut ? (*unit.shortcut)(activated) : h);
  }
  return h;
}

}  // namespace bbg::model
