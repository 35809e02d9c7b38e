#include "run/evaluate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/run_command.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/standard_output.h"
#include "core/text.h"
#include "core/value_text.h"
#include "measure/table.h"

namespace bbg::cli {

namespace {

using Json = nlohmann::ordered_json;

struct EvaluateOptions : RunCommandOptions {
  std::string measures, truncations;

  run::EvaluateRequest request() const {
    run::EvaluateRequest request{
        .checkpoint = checkpoint, .measures = core::split(measures, ','), .truncations = {}};
    for (const std::string& word : core::split(truncations, ',')) {
      double value = 0;
      if (!core::parse_number(word, &value) || !(value > 0) || !std::isfinite(value)) {
        throw core::UsageError(
            "--truncations " + truncations + ": '" + word + "' is no number above 0",
            "write numbers between commas: 0.2,0.5,1");
      }
      request.truncations.push_back(value);
    }
    return request;
  }
};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return text;
}

// "  fid       samples 23.41   test 3.118", its protocol below.
std::string text_of_group(const measure::Measure& measure, const Json& result, size_t width) {
  std::string line = "  " + measure.key + std::string(width - measure.key.size(), ' ');
  for (const auto& [field, value] : result[measure.key].items()) {
    line += "   " + field + " " + (value.is_number() ? number(value.get<double>()) : "nan");
  }
  return line + "\n      " + result["protocol"].value(measure.key, "") + "\n";
}

// A line for each truncation: "    0.5   fid 23.41   inception_score 9.12".
std::string text_of_sweep(const Json& points) {
  std::string text = "  truncation_sweep\n";
  for (const Json& point : points) {
    text += "      " + number(point["truncation"].get<double>());
    for (const auto& [key, group] : point.items()) {
      if (!group.is_object()) continue;
      for (const auto& [field, value] : group.items()) {
        text += "   " + key + (field == "samples" ? "" : "." + field) + " " +
                number(value.get<double>());
      }
    }
    text += "\n";
  }
  return text;
}

std::string text_of_evaluation(const Json& result) {
  std::string text = result["checkpoint"].get<std::string>() + ", step " +
                     std::to_string(result["step"].get<int64_t>()) + "\n";
  size_t width = 0;
  for (const measure::Measure& one : measure::table()) width = std::max(width, one.key.size());
  for (const measure::Measure& one : measure::table()) {
    if (result.contains(one.key)) text += text_of_group(one, result, width);
  }
  if (result.contains("truncation_sweep")) text += text_of_sweep(result["truncation_sweep"]);
  if (!result.contains("protocol")) return text + "  nothing was measured\n";
  for (const auto& [entry, words] : result["protocol"].items()) {
    if (!result.contains(entry)) text += "  " + entry + ": " + words.get<std::string>() + "\n";
  }
  return text;
}

void evaluate(Job& job, const EvaluateOptions& options) {
  run::EvaluateRequest request;
  const core::Log log = begin_on_ranks(job, [&] {
    if (!options.output.empty()) check_output_folder(options.output);
    request = options.request();
  });
  const Json result = run::evaluate(job.config, request, job.ranks(), log);
  if (job.ranks().rank() != 0) return;
  if (!options.output.empty()) {
    core::write_atomically(*core::make_posix_file_system(), options.output, result.dump(2) + "\n");
  }
  core::print(options.json ? result.dump(2) + "\n" : text_of_evaluation(result));
  core::flush_standard_output();
}

}  // namespace

command::Command evaluate_command(Job& job) {
  const auto options = std::make_shared<EvaluateOptions>();  // shared with what runs
  command::Command command{
      .name = "evaluate",
      .summary = "measures a checkpoint of a trained run; alone, under mpirun or under srun",
      .details =
          "Measures a checkpoint of a trained run on all ranks: all that its system, options and "
          "data allow, or some by name. FID and its relatives need extractor.inception or "
          "extractor.network.",
      .examples =
          "  mpirun -np 2 bbg_dist evaluate --config runs/mine/config.ini\n"
          "  bbg_dist evaluate --config runs/mine/config.ini --measures fid,kid \\\n"
          "      --extractor.inception inception-2015-12-05.pt --eval.samples 50000",
      .reads_run = true,
      .place = command::Place::kJob};
  command.options
      .add("--measures", "NAME[,NAME...]", &options->measures,
           "groups of evaluation.json, as `bbg_dist metrics` lists them")
      .default_is("all that apply, but layer_probes and transfer");
  command.options
      .add("--truncations", "X[,X...]", &options->truncations,
           "also measure samples at these values of eval.truncation: the curve of Inception Score "
           "and FID that the truncation trick trades between")
      .default_is("eval.truncation alone");
  command.options
      .add("--output", "FILE.json", &options->output,
           "also write the result, as JSON, to this file")
      .path();
  options->declare(command.options);
  command.run = [&job, options] { evaluate(job, *options); };
  return command;
}

}  // namespace bbg::cli
