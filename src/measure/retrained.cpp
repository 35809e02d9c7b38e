#include "measure/retrained.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "core/error.h"
#include "core/rng.h"

namespace bbg::measure {

namespace {

constexpr int64_t kHiddenWidth = 16;  // times the last map's: AlexNet's 4,096 for 256
constexpr int64_t kHiddenLayers = 2;

// E without its head, whose layers would be made for nothing.
model::ModelOptions without_head(model::ModelOptions options) {
  options.e_head_depth = 0;
  options.z_dim = 1;
  return options;
}

at::Tensor through(model::Trunk& trunk, size_t first, size_t last, at::Tensor h) {
  for (size_t i = first; i < last; ++i) h = trunk.stage(i, std::move(h));
  return last == trunk.stages().size() ? trunk.end(std::move(h)) : h;
}

// Those of the stages after the first `frozen`, and of the classifier.
std::vector<nn::NamedTensor> trained_parameters(model::Encoder& encoder, size_t frozen,
                                                const Classifier& classifier) {
  const std::vector<model::Stage>& stages = encoder.trunk().stages();
  BBG_CHECK(frozen >= 1 && frozen <= stages.size(), "a stage that the trunk has");
  const std::vector<nn::NamedTensor>& all = encoder.store().parameters();
  const auto at = [&](size_t i) { return all.begin() + static_cast<std::ptrdiff_t>(i); };
  std::vector<nn::NamedTensor> parameters(at(stages[frozen - 1].parameters),
                                          at(stages.back().parameters));
  const std::vector<nn::NamedTensor>& more = classifier.store().parameters();
  parameters.insert(parameters.end(), more.begin(), more.end());
  return parameters;
}

// Weights; Caffe's AlexNet leaves biases out, and gains of norms are none of its layers.
std::vector<eval::MomentumSgd::Decayed> decayed(const std::vector<nn::NamedTensor>& parameters) {
  std::vector<eval::MomentumSgd::Decayed> weights;
  for (const nn::NamedTensor& one : parameters) {
    if (one.tensor.dim() > 1) weights.push_back({one.tensor, one.tensor.grad()});
  }
  return weights;
}

}  // namespace

Classifier::Shape classifier_shape(model::Encoder& encoder, const Context& context,
                                   int64_t num_classes) {
  model::Trunk& trunk = encoder.trunk();
  Classifier::Shape shape{.in = trunk.out_features(), .hidden = 0, .classes = num_classes};
  if (trunk.is_averaged()) return shape;
  const at::NoGradGuard no_grad;
  const model::ModelOptions& model = context.setup.model;
  const int64_t side = model.data_resolution();
  at::Tensor h = at::zeros({1, model.channels, side, side}, context.tensor_options);
  for (size_t i = 0; i < trunk.stages().size(); ++i) h = trunk.stage(i, std::move(h));
  shape.hidden = kHiddenWidth * h.size(1);
  return shape;
}

uint64_t Retrained::seed_of(int64_t seed) {
  return static_cast<uint64_t>(seed) ^ core::hash_name("transfer");
}

Retrained::Retrained(const Context& context, model::Encoder& trained, size_t frozen,
                     int64_t num_classes)
    : ranks_(context.communicator),
      options_(context.setup.evaluate.transfer()),
      seed_(seed_of(context.setup.seed)),
      trained_(trained.trunk()),
      frozen_(frozen),
      encoder_(without_head(context.setup.model), context.backend(), seed_),
      classifier_(context.setup.model, context.backend(), seed_,
                  classifier_shape(trained, context, num_classes)),
      parameters_(trained_parameters(encoder_, frozen, classifier_)),
      arena_(parameters_),
      sgd_(arena_.values(), arena_.gradients(), decayed(parameters_), options_.momentum,
           options_.weight_decay) {
  BBG_CHECK(trained.mode() == nn::Mode::kEvaluate, "frozen stages have their statistics");
}

at::Tensor Retrained::feature(const at::Tensor& images) {
  const size_t count = trained_.stages().size();
  at::Tensor h;
  {
    const at::NoGradGuard no_grad;
    h = through(trained_, 0, frozen_, images);
  }
  return frozen_ == count ? h : through(encoder_.trunk(), frozen_, count, std::move(h));
}

void Retrained::begin(nn::Mode mode) {
  for (nn::Network* network :
       {static_cast<nn::Network*>(&encoder_), static_cast<nn::Network*>(&classifier_)}) {
    network->set_mode(mode);
    network->begin_substep();
  }
}

std::vector<at::Tensor> Retrained::dropout_of(int64_t step, int64_t rows) const {
  std::vector<at::Tensor> factors;
  if (classifier_.hidden() == 0) return factors;
  for (int64_t i = 0; i < kHiddenLayers; ++i) {
    factors.push_back(eval::dropout(seed_, step * kHiddenLayers + i, ranks_.rank() * rows, rows,
                                    classifier_.hidden()));
  }
  return factors;
}

void Retrained::step(const core::Batch& batch, int64_t step) {
  const at::AutoGradMode with_graph(true);
  begin(nn::Mode::kTrain);
  arena_.zero_gradients();
  const at::Tensor logits =
      classifier_.forward(feature(batch.images), dropout_of(step, batch.images.size(0)));
  at::cross_entropy_loss(logits, batch.labels.to(logits.device())).backward();
  ranks_.all_reduce(arena_.gradients(), comm::Reduce::kMean);
  sgd_.step(eval::transfer_rate(options_, step));
}

at::Tensor Retrained::probabilities(const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  begin(nn::Mode::kEvaluate);
  return at::softmax(classifier_.forward(feature(images)), 1);
}

}  // namespace bbg::measure
