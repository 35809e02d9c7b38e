#pragma once
// The run folder: its lock, its paths and its checkpoints. Rank 0 writes; other ranks call the same
// functions and take part in what is collective.

#include <memory>
#include <string>

#include "checkpoint/store.h"
#include "comm/communicator.h"
#include "core/file_system.h"
#include "core/folder_lock.h"
#include "core/log.h"
#include "core/values.h"
#include "run/progress.h"
#include "run/run_config.h"
#include "train/train_state.h"

namespace bbg::run {

class RunFolder {
 public:
  // Creates the folder and keeps it for this process. Ends the job (JobEnd) where another run works
  // in it, where it cannot be written, or where run.resume does not fit what is there. Collective.
  // References must outlive this object; `fingerprint` is of the training data.
  RunFolder(const RunConfig& config, const std::string& fingerprint, core::FileSystem& files,
            comm::Communicator& control, const core::Log& log);
  ~RunFolder();

  bool is_owner() const { return control_.rank() == 0; }
  std::string path(const std::string& name) const { return config_.run.output + "/" + name; }
  core::FileSystem& files() const { return files_; }
  const std::string& fingerprint() const { return fingerprint_; }
  checkpoint::Store& checkpoints() const { return *store_; }  // rank 0 only

  // A checkpoint of this state and place. Collective where the optimizer is shared out.
  void save(train::TrainState& state, const Progress& progress);
  // `values` of an evaluation of the step that was saved last: with checkpoint.keep-best its
  // checkpoint is kept where it is better than those before.
  void keep_if_best(int64_t step, const core::Values& values);
  // Whether the best checkpoint is eval.patience steps old at `step`, or older. A collective.
  bool has_stalled(int64_t step) const;

 private:
  void open();  // on rank 0

  const RunConfig& config_;
  std::string fingerprint_;
  core::FileSystem& files_;
  comm::Communicator& control_;
  const core::Log& log_;
  std::unique_ptr<core::FolderLock> lock_;  // rank 0 only, as what follows
  std::unique_ptr<checkpoint::Store> store_;
};

}  // namespace bbg::run
