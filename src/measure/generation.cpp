#include "measure/generation.h"

#include <algorithm>

#include "eval/frechet.h"
#include "eval/frechet_infinity.h"
#include "eval/inception_score.h"
#include "eval/kernel_distance.h"
#include "eval/sliced_distance.h"

namespace bbg::measure {

core::Values frechet(Inputs& inputs) {
  const Context& context = inputs.context();
  const eval::SharedRows& features = inputs.extracted().features();
  const eval::FrechetDistance& distance = inputs.reference().distance();
  const eval::Gaussian own = eval::fit_gaussian(context.communicator, features.own());
  core::Values values = {{word_of(inputs.source()), distance(own)}};
  if (inputs.source() == Source::kSamples && inputs.is_last()) {
    context.progress.begin("distances of subsets", eval::kFrechetSizes);
    values.emplace_back("infinity", eval::frechet_infinity(distance, features,
                                                           [&] { context.progress.batch_done(); }));
  }
  return values;
}

core::Values inception_score(Inputs& inputs) {
  if (!inputs.extractor().has_logits()) return {};
  const eval::SharedRows& logits = inputs.extracted().logits();
  const int64_t splits = std::min(inputs.context().setup.evaluate.is_splits, logits.count());
  const eval::InceptionScore score = eval::inception_score(logits, splits);
  const std::string name = word_of(inputs.source());
  return {{name, score.mean}, {name + "_deviation", score.deviation}};
}

core::Values kernel_distance(Inputs& inputs) {
  const Context& context = inputs.context();
  const eval::EvaluateOptions& options = context.setup.evaluate;
  const eval::SharedRows& own = inputs.extracted().features();
  const eval::SharedRows& real = inputs.reference().rows();
  const int64_t size = std::min({options.kid_subset_size, own.count(), real.count()});
  context.progress.begin("kernel distance", options.kid_subsets);
  const eval::KernelDistance found = eval::kernel_distance(own, real, {options.kid_subsets, size},
                                                           [&] { context.progress.batch_done(); });
  const std::string name = word_of(inputs.source());
  return {{name, found.mean}, {name + "_deviation", found.deviation}};
}

core::Values manifold(Inputs& inputs) {
  const std::vector<eval::Manifold>& found = inputs.extracted().manifolds(inputs.reference());
  const std::string before =
      inputs.source() == Source::kSamples ? "" : word_of(inputs.source()) + "_";
  return {{before + "precision", found[1].precision},   {before + "recall", found[1].recall},
          {before + "density", found[1].density},       {before + "coverage", found[1].coverage},
          {before + "precision_3", found[0].precision}, {before + "recall_3", found[0].recall}};
}

core::Values sliced_distance(Inputs& inputs) {
  const Context& context = inputs.context();
  context.progress.begin("sliced distance", eval::direction_turns());
  return {{word_of(inputs.source()),
           eval::sliced_distance(inputs.extracted().features(), inputs.reference().rows(),
                                 [&] { context.progress.batch_done(); })}};
}

}  // namespace bbg::measure
