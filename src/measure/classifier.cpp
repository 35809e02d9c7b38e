#include "measure/classifier.h"

namespace bbg::measure {

namespace {

nn::Settings with_glorot(nn::Settings settings) {
  settings.init = nn::Init::kXavier;
  return settings;
}

}  // namespace

Classifier::Classifier(const model::ModelOptions& options, const nn::Backend& backend,
                       uint64_t seed, const Shape& shape)
    : nn::Network("classifier", with_glorot(options.network_settings()), backend, seed),
      hidden_(shape.hidden) {
  int64_t in = shape.in;
  if (hidden_ > 0) {
    for (const char* name : {"fc6", "fc7"}) {
      layers_.emplace_back(context(), root() / name, in, hidden_, /*bias=*/true,
                           /*spectral=*/false);
      in = hidden_;
    }
  }
  last_.emplace(context(), root() / "fc8", in, shape.classes, /*bias=*/true, /*spectral=*/false,
                nn::Start::kWeight, nn::Precision::kFull);
}

at::Tensor Classifier::forward(const at::Tensor& features, const std::vector<at::Tensor>& dropout) {
  at::Tensor h = features;
  for (size_t i = 0; i < layers_.size(); ++i) {
    h = at::leaky_relu(layers_[i](h), nn::kLeak);
    if (!dropout.empty()) h = h * dropout[i].to(h.options());
  }
  return (*last_)(h);
}

}  // namespace bbg::measure
