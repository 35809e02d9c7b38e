#include "measure/measures.h"

#include "eval/frechet.h"
#include "eval/neighbours.h"
#include "eval/probe.h"
#include "eval/reconstruct.h"

namespace bbg::measure {

core::Values frechet_pixels(Inputs& inputs) {
  const eval::Gaussian& test = inputs.test_pixels();
  return {{word_of(inputs.source()), eval::frechet_distance(inputs.coarse_pixels(), test)}};
}

core::Values linear_probe(Inputs& inputs) {
  const Context& context = inputs.context();
  const eval::EvaluateOptions& options = context.setup.evaluate;
  const auto [train, test] = inputs.features(options.probe_train, options.probe_test);
  eval::ProbeOptions probe = options.probe();
  context.progress.begin("linear probe",
                         options.probe_iterations * (options.probe_choose_l2 ? 6 : 1));
  probe.pass_done = [&] { context.progress.batch_done(); };
  return {
      {word_of(inputs.source()), eval::linear_probe(context.communicator, train.features,
                                                    train.labels, test.features, test.labels, probe)
                                     .accuracy}};
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

core::Values reconstruction(Inputs& inputs) {
  eval::ReconstructionSums sums;
  inputs.visit_reconstructions(
      [&](const at::Tensor& images, const at::Tensor& made) { sums.add(images, made); });
  const eval::ReconstructionResult result = sums.finish(inputs.context().communicator);
  return {{"error", result.error}, {"error_random", result.error_random}, {"ratio", result.ratio}};
}

}  // namespace bbg::measure
