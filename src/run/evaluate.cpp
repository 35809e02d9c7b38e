#include "run/evaluate.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "comm/make_communicator.h"
#include "core/error.h"
#include "core/file_system.h"
#include "measure/evaluation.h"
#include "ops/ops.h"
#include "run/opening.h"
#include "run/run_on_all_ranks.h"
#include "run/saved_networks.h"

namespace bbg::run {

namespace {

std::string names_of(const measure::Measures& measures) {
  std::string names;
  for (const measure::Measure& one : measures) names += (names.empty() ? "" : ", ") + one.key;
  return names;
}

measure::Measures chosen(const std::vector<std::string>& keys) {
  const measure::Measures& all = measure::table();
  if (keys.empty()) return all;
  measure::Measures wanted;
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

}  // namespace

nlohmann::ordered_json evaluate(const RunConfig& config, const EvaluateRequest& request,
                                comm::Communicator& control, const core::Log& log) {
  measure::Measures measures;
  const Opened opened = open_run(config, control);
  const Place& place = opened.places[static_cast<size_t>(control.rank())];
  const at::TensorOptions tensor_options = settle(config.compute, place);
  const auto data_plane = comm::make_data_plane(config.comm, tensor_options.device(), control);
  comm::Communicator& ranks = data_plane ? *data_plane : control;
  const auto ops = ops::make_ops(tensor_options.device());
  const extractor::Extractors extractors =
      open_extractors(config, tensor_options.device(), control);
  std::optional<SavedNetworks> saved;
  run_on_all_ranks(control, [&] {
    measures = chosen(request.measures);
    const auto files = core::make_posix_file_system();
    saved.emplace(load_networks(config, request.checkpoint, "evaluate", *files, log));
  });
  const SavedSubject networks(*saved, config, {ranks, *ops, tensor_options});

  measure::EvaluationProgress progress([] {}, measure::voice_of(control.rank(), log));
  const measure::Evaluation evaluation(
      {config.measuring(), ranks, *ops, tensor_options, progress, &extractors}, opened.sets.train,
      opened.sets.test ? &*opened.sets.test : nullptr, measures);
  run_on_all_ranks(control, [&] { refuse_impossible(request.measures, measures, evaluation); });
  check_measures(config, opened.sets, evaluation, networks.nets(), control, log);
  nlohmann::ordered_json result = {{"step", saved->step}, {"checkpoint", saved->path}};
  evaluation.measure(networks.subject(), result);
  return result;
}

}  // namespace bbg::run
