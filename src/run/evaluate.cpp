#include "run/evaluate.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "measure/evaluation.h"
#include "run/opening.h"
#include "run/run_on_all_ranks.h"
#include "run/saved_run.h"

namespace bbg::run {

namespace {

std::string names_of(const measure::Measures& measures) {
  std::string names;
  for (const measure::Measure& one : measures) names += (names.empty() ? "" : ", ") + one.key;
  return names;
}

measure::Measures chosen(const std::vector<std::string>& keys) {
  const measure::Measures& all = measure::table();
  measure::Measures wanted;
  if (keys.empty()) {
    std::copy_if(all.begin(), all.end(), std::back_inserter(wanted),
                 [](const auto& measure) { return !measure.is_named; });
  }
  for (const std::string& key : keys) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const auto& measure) { return measure.key == key; });
    if (found == all.end()) {
      throw core::UsageError("--measures " + key + ": there is no such measure",
                             "choose some of " + names_of(all));
    }
    wanted.push_back(*found);
  }
  return wanted;
}

// A measure that is asked for by name is taken, or refused.
void refuse_impossible(const std::vector<std::string>& keys, const measure::Measures& measures,
                       const measure::Evaluation& evaluation) {
  if (keys.empty()) return;
  for (const measure::Measure& one : measures) {
    if (evaluation.has(one.need)) continue;
    throw core::UsageError("--measures " + one.key + " cannot be taken of this run",
                           "it needs " + measure::text_of(one.need));
  }
}

// Measures what is swept, at each truncation in turn.
nlohmann::ordered_json sweep(const RunConfig& config, const std::vector<double>& truncations,
                             const DataSets& sets, const SavedRun& run,
                             const measure::Measures& measures) {
  nlohmann::ordered_json points = nlohmann::ordered_json::array();
  for (const double truncation : truncations) {
    eval::EvaluateOptions options = config.evaluate;
    options.truncation = truncation;
    const measure::Setup whole = config.measuring();
    const measure::Context& context = run.context();
    const measure::Context narrowed{
        {whole.model, whole.data, options, whole.extractor, whole.report, whole.seed,
         whole.statistics_folder, whole.features_folder},
        context.communicator,
        context.ops,
        context.tensor_options,
        context.progress,
        context.extractors};
    nlohmann::ordered_json point = {{"truncation", truncation}};
    measure::Evaluation(narrowed, sets.train, sets.test ? &*sets.test : nullptr, measures)
        .sweep(run.subject(), point);
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace

nlohmann::ordered_json evaluate(const RunConfig& config, const EvaluateRequest& request,
                                comm::Communicator& control, const core::Log& log) {
  measure::Measures measures;
  run_on_all_ranks(control, [&] {
    measures = chosen(request.measures);
    for (const double truncation : request.truncations) check_truncation(config, truncation);
  });
  const DataSets sets = open_sets(config, control);
  SavedRun run(config, request.checkpoint, "evaluate", control, log);
  run.open_extractors();
  const measure::Evaluation evaluation(run.context(), sets.train, sets.test ? &*sets.test : nullptr,
                                       measures);
  run_on_all_ranks(control, [&] { refuse_impossible(request.measures, measures, evaluation); });
  check_memory_of_measures(evaluation, run.networks().nets(), run.context().tensor_options.device(),
                           control);
  if (control.rank() == 0 && !evaluation.left_out().empty()) log.warn(evaluation.left_out());
  nlohmann::ordered_json result = {{"step", run.saved().step}, {"checkpoint", run.saved().path}};
  evaluation.measure(run.subject(), result);
  if (!request.truncations.empty()) {
    result["truncation_sweep"] = sweep(config, request.truncations, sets, run, measures);
  }
  return result;
}

}  // namespace bbg::run
