#pragma once
// The run folder and what rank 0 writes into it: effective configuration, checkpoints, metrics,
// grids, sample log, report. Other ranks call the same functions and take part in what is
// collective.

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "checkpoint/store.h"
#include "core/file_system.h"
#include "core/folder_lock.h"
#include "core/log.h"
#include "core/values.h"
#include "measure/evaluation.h"
#include "report/append_file.h"
#include "run/run_config.h"
#include "train/train_state.h"

namespace bbg::run {

class RunFolder {
 public:
  // Creates the folder and keeps it for this process: UsageError where another run works in it.
  // References must outlive this object.
  RunFolder(const RunConfig& config, const std::string& fingerprint, core::FileSystem& files,
            comm::Communicator& control, const core::Log& log);
  ~RunFolder();

  struct Position {
    int64_t step = 0;
    bool is_resumed = false;    // from a checkpoint
    bool is_evaluated = false;  // metrics.jsonl has an evaluation of this step
    std::string watch;          // what the checkpoint has of train::DivergenceWatch
    int64_t bucket_bytes = 0;   // of the exchange; 0: it had no buckets
    // Images seen were `step` times those of a step, with this global batch, and these besides.
    int64_t batch = 0, image_offset = 0;
  };
  // Loads the newest complete checkpoint as run.resume says, if there is one; then opens the
  // reports. Collective. Refuses a checkpoint of another model, data set, seed or global batch.
  Position resume(train::TrainState& state, comm::Communicator& communicator);
  // Loads the newest one of a step below `before`, else the oldest, and gives up what came after
  // it: checkpoints are removed, reports go on from there. Collective.
  Position go_back(int64_t before, train::TrainState& state, comm::Communicator& communicator);

  // Collective where the optimizer is shared out.
  void save(train::TrainState& state, int64_t step, const std::string& watch, int64_t image_offset);
  // Of an evaluation of the step that was saved last: with checkpoint.keep-best its checkpoint is
  // kept where it is better than those before.
  void keep_if_best(int64_t step, const core::Values& values);
  void report(const report::Interval& interval);
  // Of an evaluation after the report of that step.
  void report_more(int64_t step, const core::Values& values);
  // Sample ids of a step, [draws, rank batch] of this rank: one line of samples.log, draw by draw
  // in slot order. Collective when report.sample-log is set, else nothing.
  void log_samples(int64_t step, const std::vector<at::Tensor>& own_sample_ids);
  void write_grids(int64_t step, const measure::Grids& grids);
  // evaluation.json and the last report.
  void finish(int64_t step, const nlohmann::ordered_json& evaluation);
  // report.html of what there is, for a run whose evaluation may not come to its end.
  void write_report();

 private:
  bool owner() const { return control_.rank() == 0; }
  std::string path(const std::string& name) const { return config_.run.output + "/" + name; }
  using Load = std::function<std::optional<checkpoint::Store::Loaded>(std::vector<std::string>*)>;
  // What `load` gives on rank 0, to all. `then` runs on rank 0 with it, before the others get it.
  using Then = std::function<void(const Position&, const core::StateDict*)>;
  Position take(const Load& load, const std::string& verb, const Then& then,
                train::TrainState& state, comm::Communicator& communicator);
  // Keeps the configuration of a run that goes on beside what it was trained with before.
  void record_options(const Position& position, const core::StateDict* saved);
  void open_sinks(int64_t step);

  const RunConfig& config_;
  std::string fingerprint_;
  core::FileSystem& files_;
  comm::Communicator& control_;
  const core::Log& log_;
  std::unique_ptr<core::FolderLock> lock_;  // rank 0 only, as what follows
  std::unique_ptr<checkpoint::Store> store_;
  std::unique_ptr<report::Sink> sinks_;
  std::unique_ptr<report::AppendFile> sample_log_;
};

}  // namespace bbg::run
