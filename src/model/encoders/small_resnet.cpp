#include "model/encoders/small_resnet.h"

#include <bit>

namespace bbg::model {

BasicBlock::BasicBlock(nn::Context& context, const nn::Scope& scope, int64_t in, int64_t out,
                       int64_t stride)
    : norm1_(context, scope / "norm1", in),
      conv1_(context, scope / "conv1",
             {.in = in, .out = out, .kernel = 3, .stride = stride, .bias = false}, false),
      norm2_(context, scope / "norm2", out),
      conv2_(context, scope / "conv2", {.in = out, .out = out, .kernel = 3, .bias = false}, false) {
  if (stride != 1 || in != out) {
    shortcut_.emplace(
        context, scope / "shortcut",
        nn::ConvShape{.in = in, .out = out, .kernel = 1, .stride = stride, .bias = false}, false);
  }
}

at::Tensor BasicBlock::operator()(const at::Tensor& x) {
  const at::Tensor activated = norm1_(x, true);
  at::Tensor h = conv2_(norm2_(conv1_(activated), true));
  return h.add_(shortcut_ ? (*shortcut_)(activated) : x);
}

SmallResNet::SmallResNet(nn::Context& context, const nn::Scope& scope, int64_t channels,
                         int64_t base, int64_t resolution, bool last_relu)
    : root_(context, scope / "root", {.in = channels, .out = base, .kernel = 3, .bias = false},
            false),
      last_relu_(last_relu) {
  const int num_stages = std::countr_zero(static_cast<uint64_t>(resolution)) - 2;
  end_stage("root", scope);
  int64_t in = base;
  for (int stage = 0; stage < num_stages; ++stage) {
    const int64_t out = base << stage;
    for (size_t block = 0; block < kBlocks; ++block) {
      const nn::Scope place =
          scope / ("stages." + std::to_string(stage) + "." + std::to_string(block));
      blocks_.emplace_back(context, place, in, out, stage > 0 && block == 0 ? 2 : 1);
      in = out;
    }
    end_stage("stage" + std::to_string(stage + 1), scope);
  }
  norm_.emplace(context, scope / "norm", in);
  end_last_stage(scope);
  out_features_ = in;
}

at::Tensor SmallResNet::stage(size_t index, at::Tensor h) {
  if (index == 0) return root_(ops::channels_last(h));
  const size_t first = (index - 1) * kBlocks;
  for (size_t i = first; i < first + kBlocks; ++i) h = blocks_[i](h);
  return h;
}

at::Tensor SmallResNet::end(at::Tensor h) {
  return ops::in_full((*norm_)(h, last_relu_)).mean({2, 3});
}

}  // namespace bbg::model
