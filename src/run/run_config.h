#pragma once
// All options of a run, from their owners' structs, in one table.

#include <cstdint>
#include <string>

#include "checkpoint/checkpoint_options.h"
#include "comm/exchange_options.h"
#include "comm/make_communicator.h"
#include "core/options.h"
#include "data/data_options.h"
#include "eval/eval_options.h"
#include "extractor/extractor_options.h"
#include "loss/loss.h"
#include "measure/setup.h"
#include "model/model_options.h"
#include "report/report_options.h"
#include "train/train_options.h"

namespace bbg::run {

// How a run takes to the checkpoints of its folder.
enum class Resume { kAuto, kNever, kRequire };

struct RunOptions {
  std::string name = "run";
  std::string output = "runs/run";
  int64_t seed = 1;
  int64_t steps = 1000;
  Resume resume = Resume::kAuto;
  bool resume_batch = false;
  std::string start_from;

  void declare(core::OptionTable& table);
};

enum class Device { kAuto, kCpu, kCuda };
enum class Dtype { kFloat32, kFloat64 };
inline constexpr core::Word<Dtype> kDtypes[] = {{"float32", Dtype::kFloat32},
                                                {"float64", Dtype::kFloat64}};

struct ComputeOptions {
  Device device = Device::kAuto;
  Dtype dtype = Dtype::kFloat32;
  bool tf32 = true;
  int64_t threads = 0;

  void declare(core::OptionTable& table);
};

struct RunConfig {
  RunOptions run;
  data::DataOptions data;
  model::ModelOptions model;
  loss::LossOptions loss;
  train::TrainOptions train;
  checkpoint::CheckpointOptions checkpoint;
  eval::EvaluateOptions evaluate;
  extractor::ExtractorOptions extractor;
  report::ReportOptions report;
  comm::CommOptions comm;
  comm::ExchangeOptions exchange;
  ComputeOptions compute;

  core::OptionTable table;
  std::string note;  // a decision of parse() for the user, to be said once; may be empty

  RunConfig();
  RunConfig(const RunConfig&) = delete;  // the table points at the fields
  RunConfig& operator=(const RunConfig&) = delete;

  // Reads `--config` and overrides: one UsageError names every problem of single values. Where
  // there is none, checks that values fit together. A run folder's own config.ini means that
  // folder, wherever it was moved or copied to, unless the command line says otherwise.
  void parse(const std::vector<std::string>& arguments);
  // UsageError where values do not fit together.
  void check() const;

  // Valid as long as this is.
  measure::Setup measuring() const {
    return {.model = model,
            .data = data,
            .evaluate = evaluate,
            .extractor = extractor,
            .report = report,
            .seed = run.seed,
            .statistics_folder = run.output + "/statistics",
            .features_folder = run.output + "/features"};
  }

 private:
  void stay_in_folder_of_config(const std::vector<std::string>& arguments);
};

// UsageError where eval.truncation cannot have this value: too narrow, or not for this prior.
void check_truncation(const RunConfig& config, double truncation);

}  // namespace bbg::run
