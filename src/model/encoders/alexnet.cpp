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
    in = out;
  }
  const int64_t side = (resolution + 15) / 16;
  out_features_ = in * side * side;
}

at::Tensor AlexNet::operator()(const at::Tensor& x) {
  at::Tensor h = ops::channels_last(x);
  for (size_t i = 0; i < convs_.size(); ++i) {
    h = convs_[i](h);
    if (i > 0) h = norms_[i - 1](h);
    h = at::leaky_relu(h, nn::kLeak);
    if (i < 2) h = at::max_pool2d(h, 3, 2, 1);
  }
  return h.flatten(1);
}

}  // namespace bbg::model
