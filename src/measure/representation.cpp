#include "measure/representation.h"

#include "eval/knn.h"
#include "eval/label_subset.h"

namespace bbg::measure {

namespace {

void add_votes(Inputs& inputs, eval::Distance distance, const std::string& name,
               core::Values& values) {
  const Context& context = inputs.context();
  const eval::EvaluateOptions& options = context.setup.evaluate;
  const auto [train, test] = inputs.features(options.neighbours_train, options.neighbours_test);
  context.progress.begin("neighbours by " + name, 1);
  const eval::VoteOptions votes{.distance = distance};
  const std::vector<double> found =
      eval::knn_accuracies(context.communicator, train, test, votes,
                           [&](int64_t passes) { context.progress.batch_done(passes); });
  for (size_t i = 0; i < found.size(); ++i) {
    values.emplace_back(name + "_" + std::to_string(votes.k[i]), found[i]);
  }
}

void add_weighted_votes(Inputs& inputs, core::Values& values) {
  const Context& context = inputs.context();
  const eval::EvaluateOptions& options = context.setup.evaluate;
  const auto [train, test] = inputs.features(options.neighbours_train, options.neighbours_test);
  context.progress.begin("weighted neighbours", 1);
  const eval::WeightedVoteOptions votes;
  const std::vector<eval::TopAccuracy> found =
      eval::weighted_knn_accuracies(context.communicator, train, test, votes,
                                    [&](int64_t passes) { context.progress.batch_done(passes); });
  for (size_t i = 0; i < found.size(); ++i) {
    values.emplace_back("dino_" + std::to_string(votes.k[i]), found[i].top1);
  }
}

LabelledSplits splits(Inputs& inputs) {
  const eval::EvaluateOptions& options = inputs.context().setup.evaluate;
  return inputs.features(options.probe_train, options.probe_test);
}

}  // namespace

eval::LinearProtocolResult classify(const Context& context, const std::string& what,
                                    const Labelled& train, const Labelled& test,
                                    const std::vector<at::Tensor>& views) {
  eval::LinearProtocolOptions options{.steps = context.setup.evaluate.linear_steps,
                                      .seed = static_cast<uint64_t>(context.setup.seed)};
  context.progress.begin(what, options.steps);
  options.step_done = [&] { context.progress.batch_done(); };
  return eval::linear_protocol(context.communicator, train, test, options, views);
}

core::Values knn(Inputs& inputs) {
  core::Values values;
  if (inputs.source() != Source::kTrained) return values;
  add_votes(inputs, eval::Distance::kL2, "l2", values);
  add_votes(inputs, eval::Distance::kL1, "l1", values);
  add_weighted_votes(inputs, values);
  return values;
}

core::Values linear_protocol(Inputs& inputs) {
  if (inputs.source() != Source::kTrained) return {};
  const auto [train, test] = splits(inputs);
  const eval::LinearProtocolResult found =
      classify(inputs.context(), "linear protocol", train, test,
               inputs.views(inputs.context().setup.evaluate.probe_train));
  return {{"top1", found.test.top1}, {"top5", found.test.top5}, {"rate", found.rate}};
}

Bytes knn_memory(const FeatureSizes& sizes) {
  return {.host = 0, .device = kept_feature_bytes(sizes, sizes.width)};
}

Bytes linear_protocol_memory(const FeatureSizes& sizes) {
  return {.host = 0, .device = linear_protocol_bytes(sizes, sizes.width)};
}

int64_t linear_protocol_bytes(const FeatureSizes& sizes, int64_t width) {
  return kept_feature_bytes(sizes, width) + view_bytes(sizes, width) +
         eval::linear_protocol_bytes(width, sizes.num_classes, sizes.ranks, {});
}

core::Values few_labels(Inputs& inputs) {
  core::Values values;
  if (inputs.source() != Source::kTrained) return values;
  const Context& context = inputs.context();
  const auto [train, test] = splits(inputs);
  const std::vector<at::Tensor>& views = inputs.views(context.setup.evaluate.probe_train);
  for (const int percent : {1, 10}) {
    const std::string share = std::to_string(percent);
    const std::vector<int64_t> taken =
        eval::label_subset(context.communicator, train.labels, percent / 100.0,
                           static_cast<uint64_t>(context.setup.seed));
    const at::Tensor rows = at::tensor(taken, at::kLong).to(train.features.device());
    std::vector<at::Tensor> views_of_rows;
    for (const at::Tensor& view : views) views_of_rows.push_back(view.index_select(0, rows));
    const eval::LinearProtocolResult found =
        classify(context, share + " % of labels",
                 {train.features.index_select(0, rows), train.labels.index_select(0, rows)}, test,
                 views_of_rows);
    values.emplace_back("top1_" + share, found.test.top1);
    values.emplace_back("top5_" + share, found.test.top5);
  }
  return values;
}

}  // namespace bbg::measure
