#pragma once
// A training run, verb by verb; train_loop.cpp puts them together on one page. All ranks call the
// same verbs in the same order: each is a collective. One thread.
//
// A verb throws JobEnd after a failure that every rank knows of, and where the run leaves as it was
// asked to; other exceptions are one rank's own.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "comm/communicator.h"
#include "core/file_system.h"
#include "core/log.h"
#include "extractor/open_extractor.h"
#include "measure/evaluation.h"
#include "measure/evaluation_progress.h"
#include "measure/subject.h"
#include "ops/ops.h"
#include "run/batches.h"
#include "run/clock.h"
#include "run/data_report.h"
#include "run/due.h"
#include "run/measured_losses.h"
#include "run/opening.h"
#include "run/progress.h"
#include "run/reports.h"
#include "run/resume.h"
#include "run/run_config.h"
#include "run/run_folder.h"
#include "run/step_trace.h"
#include "run/stop_signal.h"
#include "train/divergence.h"
#include "train/host_lead.h"
#include "train/step.h"
#include "train/train_state.h"

namespace bbg::run {

class Run {
 public:
  // Opens and checks all that the run needs, compares the ranks, resumes. References must outlive
  // this object.
  Run(const RunConfig& config, comm::Communicator& control, const core::Log& log);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // All steps are made, or eval.patience is at its end.
  bool is_over() const { return has_stalled_ || progress_.step >= config_.run.steps; }
  // Verbs that are due at this step. At the start: the evaluation that a kill kept the last process
  // from.
  const Due& due() const { return due_; }

  // One step of all networks; afterwards it is known what is due.
  void step();
  // Compares the replicas if that is due. Reads losses and spectra, and looks for trouble: warns,
  // ends the run, or goes back, after which nothing is due.
  void watch();
  void report();
  void save();
  // As asked, with exit code 75; the state is saved.
  [[noreturn]] void leave();
  // Both look at the state that was saved: their failure costs nothing but themselves. Where they
  // are asked to stop they save and leave.
  void evaluate();
  void draw_grids();
  // After the last step: its evaluation and grids, the final measures and the report.
  void finish();

  const Progress& progress() const { return progress_; }
  const train::TrainState& state() const { return state_; }

 private:
  Resumed start();
  // An evaluation of the step that the run goes on from, which a kill kept the last process from.
  bool owes_evaluation() const;
  void go_on_from(const Progress& progress);
  Progress place() const;  // with all that a checkpoint keeps of it
  Losses update();
  std::optional<train::Trouble> find_trouble();
  void go_back(int64_t before);
  // Any rank's signal stops all of them. A collective.
  bool is_asked_to_stop();
  [[noreturn]] void save_and_leave();
  void measure_progress();
  void make_grids();
  void measure_at_the_end(nlohmann::ordered_json& measures);

  const RunConfig& config_;
  comm::Communicator& control_;
  const core::Log& log_;
  const std::unique_ptr<core::FileSystem> files_;
  const Opened opened_;
  const at::TensorOptions tensor_options_;
  const std::unique_ptr<comm::Communicator> data_plane_;  // null: control serves
  comm::Communicator& communicator_;
  const std::unique_ptr<ops::Ops> ops_;
  const extractor::Extractors extractors_;
  train::TrainState state_;
  RunFolder folder_;
  Reports reports_;
  train::DivergenceWatch watch_;
  Progress progress_;  // how far networks and batches are now
  const Resumed started_;
  train::Step updates_;
  const StopSignal stop_;
  measure::EvaluationProgress evaluation_progress_;
  const measure::Evaluation evaluation_;
  const measure::Subject subject_;
  Batches batches_;
  DataReport data_report_;
  train::HostLead lead_;
  StepTrace trace_;
  Clock clock_;

  Due due_;
  bool has_stalled_ = false;
  int64_t evaluated_ = -1;  // the step of the last evaluation of this process
  bool is_saved_ = true;    // the state of this step; at the start there is nothing to save
  Losses losses_;           // at the last step
  core::Values values_;     // measured on it, where losses are due
};

}  // namespace bbg::run
