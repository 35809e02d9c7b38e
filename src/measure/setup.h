#pragma once
// Everything of a run's options that its measures depend on. The options outlive it.

#include <cstdint>

#include "data/data_options.h"
#include "eval/eval_options.h"
#include "model/model_options.h"

namespace bbg::measure {

struct Setup {
  const model::ModelOptions& model;
  const data::DataOptions& data;
  const eval::EvaluateOptions& evaluate;
  int64_t seed;
};

}  // namespace bbg::measure
