#pragma once
// A run goes on from a checkpoint: the newest one at its start, an earlier one after trouble.

#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "core/log.h"
#include "run/progress.h"
#include "run/reports.h"
#include "run/run_config.h"
#include "run/run_folder.h"
#include "train/train_state.h"

namespace bbg::run {

struct Resumed {
  Progress progress;
  bool is_resumed = false;    // from a checkpoint
  bool is_evaluated = false;  // metrics.jsonl has an evaluation of this step
};

// Both ways to go on, of a run whose parts these are.
struct Resumption {
  const RunConfig& config;
  RunFolder& folder;
  Reports& reports;
  train::TrainState& state;
  comm::Communicator& control;
  const core::Log& log;

  // Loads the newest complete checkpoint, if there is one, opens the reports and writes config.ini.
  // Collective. Ends the job (JobEnd) where the checkpoint is of another model, data set, seed or
  // global batch.
  Resumed resume() const;
  // Loads the newest one of a step below `before`, else the oldest, and gives up what came after
  // it: checkpoints are removed, reports go on from there. Collective.
  Resumed go_back(int64_t before) const;

 private:
  using Loaded = std::optional<checkpoint::Store::Loaded>;
  // On rank 0: what `loaded` says; refuses that of another run.
  Resumed read(const Loaded& loaded, const std::vector<std::string>& skipped) const;
  // `own`, as rank 0 has it, and its tensors to all ranks.
  Resumed take(const Resumed& own, const Loaded& loaded, const std::string& verb) const;
  // Keeps the options of a run that goes on beside those that it was trained with before.
  void record_options(int64_t step, const Loaded& loaded) const;
};

}  // namespace bbg::run
