#pragma once
// The run folder and what rank 0 writes into it: effective configuration, checkpoints, metrics,
// grids, sample log, report. Other ranks call the same functions and take part in what is
// collective.

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "app/evaluation.h"
#include "app/run_config.h"
#include "checkpoint/store.h"
#include "core/file_system.h"
#include "core/log.h"
#include "report/append_file.h"

namespace bbg::app {

class RunFolder {
 public:
  // Creates the folder. References must outlive this object.
  RunFolder(const RunConfig& config, const std::string& fingerprint, core::FileSystem& files,
            comm::Communicator& control, const core::Log& log);
  ~RunFolder();

  // Loads the newest complete checkpoint as run.resume says and gives its step, else 0; then opens
  // the reports. Collective. Refuses a checkpoint of another model, data set, seed or global batch.
  int64_t resume(train::TrainState& state, comm::Communicator& communicator);

  void save(train::TrainState& state, int64_t step);
  void report(const report::Interval& interval);
  // Sample ids of a step, [draws, rank batch] of this rank: one line of samples.log, draw by draw
  // in slot order. Collective when report.sample-log is set, else nothing.
  void log_samples(int64_t step, const std::vector<at::Tensor>& own_sample_ids);
  void grids(int64_t step, const Evaluation& evaluation, train::TrainState& state);
  void finish(int64_t step, const nlohmann::ordered_json& evaluation);

 private:
  bool owner() const { return control_.rank() == 0; }
  std::string path(const std::string& name) const { return config_.run.output + "/" + name; }
  void open_sinks(int64_t step);

  const RunConfig& config_;
  std::string fingerprint_;
  core::FileSystem& files_;
  comm::Communicator& control_;
  const core::Log& log_;
  std::unique_ptr<checkpoint::Store> store_;
  std::unique_ptr<report::Sink> sinks_;  // rank 0 only
  std::unique_ptr<report::AppendFile> sample_log_;
};

}  // namespace bbg::app
