#include "measure/measures.h"

#include "eval/frechet.h"
#include "eval/neighbours.h"

namespace bbg::measure {

core::Values frechet_pixels(Inputs& inputs) {
  const eval::Gaussian& test = inputs.test_pixels();
  return {{word_of(inputs.source()), eval::frechet_distance(inputs.coarse_pixels(), test)}};
}

core::Values linear_probe(Inputs& inputs) {
  return {{word_of(inputs.source()), inputs.probe().accuracy}};
}

Bytes linear_probe_memory(const FeatureSizes& sizes) {
  return {.host = eval::probe_bytes(sizes.longest_width, sizes.num_classes, sizes.ranks),
          .device = kept_feature_bytes(sizes, sizes.longest_width)};
}

Bytes nearest_neighbour_memory(const FeatureSizes& sizes) {
  return {.host = 0, .device = kept_feature_bytes(sizes, sizes.longest_width)};
}

core::Values nearest_neighbour(Inputs& inputs) {
  const Context& context = inputs.context();
  const eval::EvaluateOptions& options = context.setup.evaluate;
  const auto [train, test] = inputs.features(options.neighbours_train, options.neighbours_test);
  context.progress.begin("nearest neighbours", 1);
  return {{word_of(inputs.source()),
           eval::nearest_neighbour_accuracy(
               context.communicator, train.features, train.labels, test.features, test.labels, 1,
               [&](int64_t passes) { context.progress.batch_done(passes); })}};
}

}  // namespace bbg::measure
