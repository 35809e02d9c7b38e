#include "measure/reconstruction.h"

#include "eval/reconstruct.h"
#include "measure/extracted.h"

namespace bbg::measure {

namespace {

core::Values values_of(Inputs& inputs, eval::ReconstructionSums& sums) {
  const eval::ReconstructionResult result = sums.finish(inputs.context().communicator);
  return {{"error", result.error}, {"error_random", result.error_random}, {"ratio", result.ratio}};
}

core::Values pixel_errors(Inputs& inputs, Inputs::Code code) {
  eval::ReconstructionSums sums;
  inputs.visit_reconstructions(
      [&](const Inputs::Reconstructed& one) { sums.add(one.images, one.made); }, code);
  return values_of(inputs, sums);
}

// Images that pass a test, and how many of them.
class Share {
 public:
  void add(const at::Tensor& passed) {
    passed_ += passed.sum().item<int64_t>();
    count_ += passed.numel();
  }
  // Over all ranks. A collective.
  double finish(const Context& context) const {
    at::Tensor sums = at::tensor({passed_, count_}, at::kLong).to(context.tensor_options.device());
    context.communicator.all_reduce(sums, comm::Reduce::kSum);
    sums = sums.cpu().to(at::kDouble);
    return sums[0].item<double>() / sums[1].item<double>();
  }

 private:
  int64_t passed_ = 0, count_ = 0;
};

}  // namespace

core::Values reconstruction(Inputs& inputs) { return pixel_errors(inputs, Inputs::Code::kMean); }

core::Values sampled_reconstruction(Inputs& inputs) {
  if (!inputs.context().setup.model.e_stochastic) return {};
  return pixel_errors(inputs, Inputs::Code::kSample);
}

core::Values feature_reconstruction(Inputs& inputs) {
  if (inputs.source() != Source::kSamples || !inputs.is_last() || !inputs.reconstructs()) return {};
  extractor::Extractor& extractor = inputs.extractor();
  eval::ReconstructionSums sums;
  Share kept;
  inputs.visit_reconstructions([&](const Inputs::Reconstructed& one) {
    const extractor::Extracted real = extract(extractor, one.images);
    const extractor::Extracted made = extract(extractor, one.made);
    sums.add(real.features, made.features);
    if (extractor.has_logits()) kept.add(real.logits.argmax(1).eq(made.logits.argmax(1)));
  });
  core::Values values = values_of(inputs, sums);
  if (extractor.has_logits()) values.emplace_back("class_kept", kept.finish(inputs.context()));
  return values;
}

core::Values round_trip(Inputs& inputs) {
  const Context& context = inputs.context();
  if (context.setup.evaluate.samples < context.communicator.size()) return {};
  eval::ReconstructionSums sums;
  inputs.visit_round_trips(
      [&](const at::Tensor& z, const at::Tensor& found) { sums.add(z, found); });
  return values_of(inputs, sums);
}

core::Values class_kept(Inputs& inputs) {
  if (inputs.source() != Source::kTrained || !inputs.reconstructs()) return {};
  const eval::LinearClassifier& classifier = inputs.probe().classifier;
  if (!classifier.matrix.defined()) return {};
  const int64_t size = inputs.context().setup.model.data_resolution();
  Share kept, right;
  inputs.visit_reconstructions([&](const Inputs::Reconstructed& one) {
    const at::Tensor given = classifier.predict(inputs.features_of(one.real.images));
    const at::Tensor made = classifier.predict(inputs.features_of(enlarge(one.made, size)));
    kept.add(made.eq(given));
    right.add(made.eq(one.real.labels.to(made.device())));
  });
  return {{"kept", kept.finish(inputs.context())}, {"right", right.finish(inputs.context())}};
}

}  // namespace bbg::measure
