#pragma once
// Everything of a run's options that its measures depend on. The options outlive it.

#include <cstdint>
#include <string>

#include "data/data_options.h"
#include "eval/eval_options.h"
#include "extractor/extractor_options.h"
#include "model/model_options.h"
#include "report/report_options.h"

namespace bbg::measure {

struct Setup {
  const model::ModelOptions& model;
  const data::DataOptions& data;
  const eval::EvaluateOptions& evaluate;
  const extractor::ExtractorOptions& extractor;
  const report::ReportOptions& report;
  int64_t seed;
  std::string statistics_folder;  // where statistics of data sets are kept
  std::string features_folder;    // and features, with eval.keep-features
};

}  // namespace bbg::measure
