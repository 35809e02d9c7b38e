#pragma once
// The reports of a run: console, metrics.jsonl, metrics.prom, TensorBoard, grids, samples.log,
// evaluation.json and report.html. Rank 0 writes; other ranks call the same functions.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "core/image.h"
#include "core/log.h"
#include "core/values.h"
#include "measure/grids.h"
#include "report/append_file.h"
#include "report/sink.h"
#include "report/write_pace.h"
#include "run/run_config.h"
#include "run/run_folder.h"

namespace bbg::run {

class Reports {
 public:
  // References must outlive this object. Nothing is opened yet.
  Reports(const RunConfig& config, const RunFolder& folder, comm::Communicator& control,
          const core::Log& log);
  ~Reports();

  // On rank 0: opens the files, or opens them anew, and gives up what they have of later steps.
  void go_on_from(int64_t step);

  // On rank 0: the steps after `step` are made with these options changed.
  void changes(int64_t step, const std::vector<report::OptionChange>& changes);
  void interval(const report::Interval& interval);
  // Values of an evaluation, after the interval of that step was told.
  void more(int64_t step, const core::Values& values);
  // Sample ids of a step, [draws, rank batch] of this rank: one line of samples.log, draw by draw
  // in slot order. Collective when report.sample-log is set, else nothing.
  void log_samples(int64_t step, const std::vector<at::Tensor>& own_sample_ids);
  // Those that are there.
  void grids(int64_t step, const measure::Grids& grids);

  // report.html of what there is, for a run whose evaluation may not come to its end.
  void write_html();
  // evaluation.json and the last report; nothing may follow.
  void finish(int64_t step, const nlohmann::ordered_json& evaluation);

 private:
  void image(int64_t step, const std::string& name, const std::optional<core::Image>& image);
  // report.html of a run that goes on, where it has not been written for long.
  void renew_html();

  const RunConfig& config_;
  const RunFolder& folder_;
  comm::Communicator& control_;
  const core::Log& log_;
  std::unique_ptr<report::Sink> sinks_;  // rank 0 only, as what follows
  std::unique_ptr<report::AppendFile> sample_log_;
  // A hundredth of the time: less than the steps' own variation. People look once a minute at most.
  report::WritePace html_pace_{0.01, 60};
};

}  // namespace bbg::run
