#include "measure/layers.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "core/cores.h"
#include "core/error.h"
#include "eval/label_places.h"
#include "feed/loader.h"
#include "measure/crops.h"
#include "measure/first_samples.h"
#include "measure/representation.h"
#include "measure/retrained.h"

namespace bbg::measure {

namespace {

constexpr double kPooledValues = 9216;  // 6x6 of 256 channels

void add_accuracy(core::Values& values, Source source, const std::string& stage,
                  const eval::TopAccuracy& found) {
  const std::string of = source == Source::kTrained ? "" : word_of(source) + "_";
  values.emplace_back(of + "top1_" + stage, found.top1);
  values.emplace_back(of + "top5_" + stage, found.top5);
}

// For progress, as "conv3 of the untrained E".
std::string text_of(const model::Stage& stage, Source source) {
  return stage.name + (source == Source::kTrained ? "" : " of the " + word_of(source) + " E");
}

eval::TopAccuracy probe_stage(Inputs& inputs, model::Trunk& trunk, size_t stage) {
  const Context& context = inputs.context();
  const eval::EvaluateOptions& options = context.setup.evaluate;
  const Images& images = inputs.images();
  const auto activations = [&](const at::Tensor& x) {
    at::Tensor h = x;
    for (size_t i = 0; i <= stage; ++i) h = trunk.stage(i, std::move(h));
    return pooled(h);
  };
  const Split split = images.train().at_most(options.probe_train);
  const Labelled train = images.map(split, activations);
  const Labelled test = images.map(images.test().at_most(options.probe_test), activations);
  std::vector<at::Tensor> views;
  for (int64_t view = 1; view <= options.linear_views; ++view) {
    views.push_back(images.map(split, activations, view).features);
  }
  return classify(context, "linear protocol on " + text_of(trunk.stages()[stage], inputs.source()),
                  train, test, views)
      .test;
}

// The same batches on any number of ranks that divides them.
void train_column(const Context& context, const Split& split, Retrained& column,
                  const std::string& what) {
  BBG_CHECK(split.first == 0, "training images are the first of their set");
  const comm::Communicator& ranks = context.communicator;
  const Setup& setup = context.setup;
  const eval::TransferOptions options = setup.evaluate.transfer();
  const int64_t share = std::max<int64_t>(1, std::min(options.batch, split.count) / ranks.size());
  data::DataOptions reading = setup.data;
  reading.augment = image::Augment::kRandomPlace;
  reading.flip = true;
  reading.loader_threads =
      reading.threads_on(std::ssize(core::own_cores()),
                         context.tensor_options.device().is_cpu() ? at::get_num_threads() : 1);
  feed::Loader loader(
      std::make_shared<FirstSamples>(split.shards->source(), split.count),
      {.plan = data::SamplePlan(Retrained::seed_of(setup.seed), split.count, share * ranks.size()),
       .options = reading,
       .slots = core::Slots(share * ranks.rank(), share),
       .size = setup.model.data_resolution()},
      context.tensor_options);
  context.progress.begin("training " + what, options.steps);
  for (int64_t step = 0; step < options.steps; ++step) {
    column.step(loader.next(), step);
    context.progress.batch_done();
  }
}

eval::TopAccuracy test_column(const Context& context, const Split& split, Retrained& column,
                              const std::string& what) {
  const Setup& setup = context.setup;
  eval::Hits hits;
  for_each_batch(context, "test images " + what, split.count, [&](int64_t first, int64_t count) {
    const Crops crops = read_crops(*split.shards, split.first + first, count,
                                   setup.model.data_resolution(), setup.data.on_corrupt);
    const at::Tensor mean = mean_over_crops(crops, [&](const at::Tensor& x) {
      return column.probabilities(x.to(context.tensor_options));
    });
    hits.add(mean, crops.labels.to(mean.device()));
  });
  return hits.shares(context.communicator, context.tensor_options.device());
}

}  // namespace

int64_t pooled_side(int64_t channels, int64_t side) {
  const auto wanted =
      static_cast<int64_t>(std::lround(std::sqrt(kPooledValues / static_cast<double>(channels))));
  return std::clamp<int64_t>(wanted, 1, side);
}

at::Tensor pooled(const at::Tensor& map) {
  const int64_t side = pooled_side(map.size(1), map.size(2));
  return at::adaptive_avg_pool2d(map.to(at::kFloat), {side, side}).flatten(1);
}

core::Values layer_probes(Inputs& inputs) {
  model::Trunk& trunk = inputs.encoder().trunk();
  core::Values values;
  for (size_t i = 0; i < trunk.stages().size(); ++i) {
    add_accuracy(values, inputs.source(), trunk.stages()[i].name, probe_stage(inputs, trunk, i));
  }
  return values;
}

Bytes layer_probes_memory(const FeatureSizes& sizes) {
  FeatureSizes stage = sizes;
  stage.train = stage.probe_train;
  return {.host = 0, .device = linear_protocol_bytes(stage, static_cast<int64_t>(kPooledValues))};
}

core::Values transfer(Inputs& inputs) {
  const Context& context = inputs.context();
  const Split &train_split = inputs.images().train(), &test_split = inputs.images().test();
  model::Encoder& encoder = inputs.encoder();
  const int64_t num_classes =
      std::max(train_split.shards->num_classes(), test_split.shards->num_classes());
  core::Values values;
  const std::vector<model::Stage>& stages = encoder.trunk().stages();
  for (size_t i = 0; i < stages.size(); ++i) {
    const std::string what = "after " + text_of(stages[i], inputs.source());
    Retrained column(context, encoder, i + 1, num_classes);
    train_column(context, train_split, column, what);
    add_accuracy(values, inputs.source(), stages[i].name,
                 test_column(context, test_split, column, what));
  }
  return values;
}

}  // namespace bbg::measure
