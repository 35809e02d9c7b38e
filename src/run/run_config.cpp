#include "run/run_config.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/paths.h"
#include "core/text.h"
#include "measure/table.h"

namespace bbg::run {

namespace {

// eval.schedule names measures that have a curve.
void check_schedule(const eval::Schedule& schedule) {
  std::vector<std::string> known;
  for (const measure::Measure& one : measure::measures_of_runs()) {
    if (!one.curves.empty()) known.push_back(one.key);
  }
  for (const std::string& name : schedule.names()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw core::UsageError("eval.schedule names " + name + ", which is no measure with a curve",
                           "choose some of " + core::join(known, ", "));
  }
}

}  // namespace

void RunOptions::declare(core::OptionTable& table) {
  table.add("run.name", &name, "Name shown in reports");
  table.add("run.output", &output, "Run folder: checkpoints, metrics, grids, report")
      .path()
      .not_empty();
  table.add("run.seed", &seed, "Seed of everything random").at_least(0);
  table.add("run.steps", &steps, "Length of the run, in updates of G and E")
      .unit("steps")
      .at_least(0);
  table.add("run.resume", &resume,
            {{"auto", Resume::kAuto}, {"never", Resume::kNever}, {"require", Resume::kRequire}},
            "auto goes on from the newest complete checkpoint of the run folder, if there is one; "
            "never refuses a "
            "folder that has some; require refuses one that has none");
  table.add("run.resume-batch", &resume_batch,
            "A run goes on from its checkpoint although data.batch is another there: step and "
            "optimizer stay, samples go on where they were; the report says so");
  table
      .add("run.start-from", &start_from,
           "A checkpoint's folder or a file of bbg_dist export: a new run begins with the networks "
           "there as far as names and shapes fit, and a new optimizer; a run that goes on from its "
           "own checkpoint does not read it")
      .path();
}

void ComputeOptions::declare(core::OptionTable& table) {
  table.add("compute.device", &device,
            {{"auto", Device::kAuto}, {"cpu", Device::kCpu}, {"cuda", Device::kCuda}},
            "auto takes a GPU where there is one for every rank");
  table.add("compute.dtype", &dtype, kDtypes, "Arithmetic; float64 is for comparisons");
  table.add("compute.tf32", &tf32,
            "On a GPU: products of float32 convolutions and linear maps in TensorFloat-32");
  table
      .add("compute.threads", &threads,
           "CPU threads a rank; 0 takes its share of the cores that the launcher lets it run on")
      .at_least(0);
}

RunConfig::RunConfig() {
  run.declare(table);
  data.declare(table);
  model.declare(table);
  loss.declare(table);
  train.declare(table);
  checkpoint.declare(table);
  evaluate.declare(table);
  extractor.declare(table);
  report.declare(table);
  comm.declare(table);
  exchange.declare(table);
  compute.declare(table);
}

void RunConfig::stay_in_folder_of_config(const std::vector<std::string>& arguments) {
  namespace fs = std::filesystem;
  const bool is_said = std::any_of(arguments.begin(), arguments.end(), [](const std::string& word) {
    return word == "--run.output" || word.starts_with("--run.output=");
  });
  const fs::path path = table.config_path();
  const fs::path folder = core::folder_of(path.string());
  std::error_code unknown;
  const bool is_of_a_run =
      path.filename() == "config.ini" && (fs::exists(folder / "checkpoints", unknown) ||
                                          fs::exists(folder / "metrics.jsonl", unknown));
  if (is_said || !is_of_a_run || fs::equivalent(folder, run.output, unknown)) return;
  note = path.string() +
         " lies in a run folder: the run there is meant, not run.output = " + run.output +
         " (--run.output on the command line says otherwise)";
  run.output = folder.string();
}

void check_truncation(const RunConfig& config, double truncation) {
  eval::EvaluateOptions evaluate = config.evaluate;
  evaluate.truncation = truncation;
  evaluate.check();
  if (truncation > 0 && config.model.prior != model::Prior::kNormal) {
    throw core::UsageError("eval.truncation does not fit model.prior = " +
                               core::word_of(model::kPriors, config.model.prior),
                           "leave it out: only a normal prior has tails to cut");
  }
}

void RunConfig::parse(const std::vector<std::string>& arguments) {
  table.parse(arguments);
  stay_in_folder_of_config(arguments);
  check();
}

void RunConfig::check() const {
  model.check();
  train.check();
  check_truncation(*this, evaluate.truncation);
  if (train.precision == train::Precision::kBfloat16 && compute.dtype != Dtype::kFloat32) {
    throw core::UsageError("train.precision = bfloat16 does not fit compute.dtype = " +
                               core::word_of(kDtypes, compute.dtype),
                           "set compute.dtype = float32, or train.precision = full");
  }
  if (data.crop > 0 && data.crop != model.data_resolution()) {
    throw core::UsageError("data.crop = " + std::to_string(data.crop) +
                               " is not the size of the model's images, " +
                               std::to_string(model.data_resolution()),
                           "set it to model.e-resolution, or without that to model.resolution");
  }
  if (loss.latent_to_g > 0 && !model.is_latent_regressor()) {
    throw core::UsageError("loss.latent-to-g does not fit model.system = " +
                               core::word_of(model::kSystems, model.system) +
                               ", which regresses no codes",
                           "set loss.latent-to-g = 0, or model.system = latent-regressor");
  }
  check_schedule(evaluate.due());
  if (checkpoint.keeps_best() && evaluate.due().is_empty()) {
    throw core::UsageError(
        "checkpoint.keep-best = " + checkpoint.keep_best + " needs evaluations to choose by",
        "set eval.every to the number of steps between them");
  }
  if (evaluate.patience > 0 && !checkpoint.keeps_best()) {
    throw core::UsageError("eval.patience = " + std::to_string(evaluate.patience) +
                               " needs a measure that becomes better or does not",
                           "set checkpoint.keep-best to its name, or eval.patience = 0");
  }
  if (evaluate.network == eval::FeatureNetwork::kDiscriminator && !model.has_discriminator()) {
    throw core::UsageError("eval.network = d does not fit model.system = " +
                               core::word_of(model::kSystems, model.system) +
                               ", which has no discriminator",
                           "set eval.network = e");
  }
}

}  // namespace bbg::run
