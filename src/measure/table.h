#pragma once
// The table of measures. Curves over training, evaluation.json, the report's cards,
// checkpoint.keep-best and docs/metrics.md come from it; a new measure is one file in eval, its
// function in measure/measures.h and one entry here.

#include <string>
#include <vector>

#include "core/values.h"
#include "measure/inputs.h"
#include "measure/memory.h"
#include "measure/needs.h"
#include "report/card.h"

namespace bbg::measure {

enum class Better { kLower, kHigher, kNeither };

// A value that is measured during training too.
struct Curve {
  std::string field;  // in the measure's group of evaluation.json
  std::string name;   // in metrics.jsonl
  Better better = Better::kLower;
  std::string chart = {};  // the report's chart of it
  bool is_from_zero = false;
};

struct Measure {
  std::string key;   // group of evaluation.json, and of its protocol
  std::string name;  // for people
  Need need;
  core::Values (*values)(Inputs&);
  // Memory with the features that it reads; null: little.
  Bytes (*memory)(const FeatureSizes&) = nullptr;
  std::vector<Curve> curves;
  std::string protocol;  // with {fields} of measure/protocol.h
  std::string paper;
  report::Card card;      // without its key
  int place = 0;          // the card's place among the report's
  bool is_at_end = true;  // measured after a run's last step; else by `bbg_dist evaluate` alone
  bool is_named = false;  // by `bbg_dist evaluate` only where `--measures` names it
  bool is_swept = false;  // measured of samples at each of `evaluate --truncations`
};

using Measures = std::vector<Measure>;
const Measures& table();
// Those of the table that a run measures.
const Measures& measures_of_runs();

// The needs of a table, each once, in its order: what shares a need is measured together.
std::vector<Need> needs_of(const Measures& measures);

// Null where no measure has a curve of this name.
const Curve* find_curve(const Measures& measures, const std::string& name);

// The same measures for the report.
report::Measures shown(const Measures& measures);

}  // namespace bbg::measure
