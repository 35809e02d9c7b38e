#include "model/encoders/alexnet.h"

namespace bbg::model {

AlexNet::AlexNet(nn::Context& context, const nn::Scope& scope, int64_t channels, int64_t base,
                 int64_t resolution) {
  struct Layer {
    int64_t width, kernel, groups;
  };
  constexpr Layer kLayers[] = {{3, 11, 1}, {8, 5, 2}, {12, 3, 1}, {12, 3, 2}, {8, 3, 2}};
  int64_t in = channels;
  for (const Layer& layer : kLayers) {
    const std::string index = std::to_string(convs_.size());
    const int64_t out = layer.width * base;
    const bool is_first = convs_.empty();
    convs_.emplace_back(context, scope / ("convs." + index),
                        nn::ConvShape{.in = in,
                                      .out = out,
                                      .kernel = layer.kernel,
                                      .stride = is_first ? 4 : 1,
                                      .bias = false,
                                      .groups = layer.groups,
                                      .padding = layer.kernel / 2},
                        false);
    if (!is_first) norms_.emplace_back(context, scope / ("norms." + index), out);
    end_stage("conv" + std::to_string(convs_.size()), scope);
    in = out;
  }
  const int64_t side = (resolution + 15) / 16;
  out_features_ = in * side * side;
}

at::Tensor AlexNet::stage(size_t index, at::Tensor h) {
  if (index == 0) h = ops::channels_last(h);
  if (index == 1 || index == 2) h = at::max_pool2d(h, 3, 2, 1);
  h = convs_[index](h);
  if (index > 0) h = norms_[index - 1](h);
  return at::leaky_relu(h, nn::kLeak);
}

}  // namespace bbg::model
