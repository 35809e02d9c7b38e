#include "run/evaluate.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/run_command.h"
#include "core/file_system.h"
#include "core/standard_output.h"
#include "core/text.h"
#include "measure/table.h"

namespace bbg::cli {

namespace {

using Json = nlohmann::ordered_json;

struct EvaluateOptions : RunCommandOptions {
  std::string measures;
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

std::string text_of_evaluation(const Json& result) {
  std::string text = result["checkpoint"].get<std::string>() + ", step " +
                     std::to_string(result["step"].get<int64_t>()) + "\n";
  size_t width = 0;
  for (const measure::Measure& one : measure::table()) width = std::max(width, one.key.size());
  for (const measure::Measure& one : measure::table()) {
    if (result.contains(one.key)) text += text_of_group(one, result, width);
  }
  if (!result.contains("protocol")) return text + "  nothing was measured\n";
  for (const auto& [entry, words] : result["protocol"].items()) {
    if (!result.contains(entry)) text += "  " + entry + ": " + words.get<std::string>() + "\n";
  }
  return text;
}

void evaluate(Job& job, const EvaluateOptions& options) {
  const core::Log log = begin_on_ranks(job, [&] {
    if (!options.output.empty()) check_output_folder(options.output);
  });
  const Json result = run::evaluate(
      job.config,
      {.checkpoint = options.checkpoint, .measures = core::split(options.measures, ',')},
      job.ranks(), log);
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
      .default_is("all that apply");
  command.options
      .add("--output", "FILE.json", &options->output,
           "also write the result, as JSON, to this file")
      .path();
  options->declare(command.options);
  command.run = [&job, options] { evaluate(job, *options); };
  return command;
}

}  // namespace bbg::cli
