#include "run/run_folder.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/error.h"
#include "measure/table.h"
#include "run/run_identity.h"
#include "run/run_on_all_ranks.h"

namespace bbg::run {

namespace {

// A state from before states were looked at: a run cannot go on from it.
std::string not_finite(const core::StateDict& state) {
  for (const auto& [name, tensor] : state.tensors) {
    if (tensor.is_floating_point() && !at::isfinite(tensor).all().item<bool>()) {
      return name + " is not finite";
    }
  }
  return "";
}

void check_resume(Resume resume, const std::string& folder, bool has_checkpoints) {
  if (resume == Resume::kNever && has_checkpoints) {
    throw core::UsageError(
        "run.resume = never, but " + folder + " has checkpoints",
        "choose another run.output, delete the folder, or set run.resume = auto");
  }
  if (resume == Resume::kRequire && !has_checkpoints) {
    throw core::UsageError("run.resume = require, but " + folder + " has no checkpoint",
                           "set run.resume = auto to start from the beginning");
  }
}

bool is_better(const std::string& name, double value, double than) {
  const measure::Curve* curve = measure::find_curve(measure::table(), name);
  BBG_CHECK(curve != nullptr, "checkpoint.keep-best names a curve");
  return curve->better == measure::Better::kHigher ? value > than : value < than;
}

}  // namespace

RunFolder::RunFolder(const RunConfig& config, const std::string& fingerprint,
                     core::FileSystem& files, comm::Communicator& control, const core::Log& log)
    : config_(config), fingerprint_(fingerprint), files_(files), control_(control), log_(log) {
  run_on_all_ranks(control_, [&] {
    if (!is_owner()) return;
    try {
      open();
    } catch (const core::SystemError& error) {
      if (error.details().restart_can_help) throw;
      throw core::UsageError(
          "the run folder " + config_.run.output + " cannot be written: " + error.details().cause,
          "set run.output to a folder that you may write to");
    }
  });
}

RunFolder::~RunFolder() = default;

void RunFolder::open() {
  store_ = std::make_unique<checkpoint::Store>(files_, path("checkpoints"), config_.checkpoint.keep,
                                               not_finite);
  // Before the folder is touched: a run that may not go on here must leave it as it was.
  check_resume(config_.run.resume, path("checkpoints"), !store_->steps().empty());
  files_.create_folders(config_.run.output);
  // Long enough to see whether an owner on another host is dead.
  const core::FolderLock::Timing timing{.patience = std::chrono::seconds(75)};
  lock_ = std::make_unique<core::FolderLock>(config_.run.output, "a run of bbg_dist", timing);
  if (!lock_->taken_over().empty()) log_.warn(lock_->taken_over());
  files_.create_folders(path("grids"));
}

void RunFolder::save(train::TrainState& state, const Progress& progress) {
  core::StateDict dict = state.to_state_dict(is_owner());
  if (!is_owner()) return;
  lock_->check();
  dict.text = progress.entries();
  dict.text.merge(identity_of(config_, fingerprint_));
  dict.text["data.batch"] = std::to_string(config_.data.batch);
  dict.text["config"] = config_.table.ini_text();
  store_->save(dict, progress.step);
}

void RunFolder::keep_if_best(int64_t step, const core::Values& values) {
  const std::string& measure = config_.checkpoint.keep_best;
  if (!is_owner() || !config_.checkpoint.keeps_best()) return;
  const auto found = std::find_if(values.begin(), values.end(),
                                  [&](const auto& value) { return value.first == measure; });
  if (found == values.end() || !std::isfinite(found->second)) return;
  const double value = found->second;
  const auto best = store_->best();
  const bool is_comparable = best && best->measure == measure;
  if (is_comparable && !is_better(measure, value, best->value)) return;
  store_->keep_best({step, measure, value});
  log_.info("best checkpoint so far: step " + std::to_string(step) + ", " + measure + " = " +
            std::to_string(value));
}

bool RunFolder::has_stalled(int64_t step) const {
  const int64_t patience = config_.evaluate.patience;
  if (patience == 0) return false;
  bool has_stalled = false;
  if (is_owner()) {
    const auto best = store_->best();
    has_stalled =
        best && best->measure == config_.checkpoint.keep_best && step - best->step >= patience;
    if (has_stalled) {
      log_.info("training ends: " + best->measure + " was last better at step " +
                std::to_string(best->step) + ", eval.patience = " + std::to_string(patience));
    }
  }
  return !control_.agree(!has_stalled);
}

}  // namespace bbg::run
