#pragma once
// Takes the measures of a table on a subject, and draws its grids. BN statistics are standing
// statistics, made anew before each use (docs/choices.md 51, 52). What measures read is made once
// and shared by those that need it. All calls are collectives, but those that only tell what will
// be measured.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/values.h"
#include "data/shard_set.h"
#include "measure/context.h"
#include "measure/grids.h"
#include "measure/images.h"
#include "measure/needs.h"
#include "measure/subject.h"
#include "measure/table.h"

namespace bbg::measure {

class Evaluation {
 public:
  // `test` may be null, see Images. `measures` outlive the evaluation.
  Evaluation(const Context& context, const data::ShardSet& train, const data::ShardSet* test,
             const Measures& measures = measures_of_runs());

  // Which measures the images' missing labels leave out, for one warning at the start; empty: none.
  std::string left_out() const;
  bool has(Need need) const { return means_.has(need); }
  // UsageError where a measure of labelled features does not fit into a rank's memory.
  void check_memory(const model::Nets& nets, const Room& room) const;
  // Names of what progress() gives, at one step or another.
  std::vector<std::string> progress_names() const;

  // Each of the four gives the subject standing statistics, and leaves it as it was, also where it
  // throws.
  //
  // On rank 0; elsewhere empty.
  Grids grids(const Subject& subject) const;
  // The values that have a curve over training, by its name: of the measures that are due after
  // this step.
  core::Values progress(const Subject& subject, int64_t step) const;
  // The content of evaluation.json; if it throws, `result` has what was measured before.
  void measure(const Subject& subject, nlohmann::ordered_json& result) const;
  // The measures that are swept, of the context's samples alone: a group each.
  void sweep(const Subject& subject, nlohmann::ordered_json& result) const;

 private:
  void prepare(const Subject& subject) const;
  // The measures that share a need, source by source.
  void take(Need need, const Measures& measures, const Subject& subject, bool is_last,
            const std::function<void(const Measure&, const core::Values&)>& tell) const;

  const Context context_;
  const Images images_;
  const Means means_;
  const Measures& measures_;
};

}  // namespace bbg::measure
