#pragma once
// Notices from a run's reports that it goes wrong, and remembers how often it went back for that
// (docs/choices.md 72, docs/decisions/0003-going-back.md). Pure: the same reports give the same
// answers on all ranks, and after a resume if its text was kept.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/values.h"
#include "loss/loss.h"
#include "train/train_options.h"

namespace bbg::train {

enum class Answer { kWarn, kEnd, kGoBack };

struct Trouble {
  std::string cause;  // its short name
  std::string text;   // the problem, with its numbers
  std::string hint;   // advice that may help
  int64_t since = 0;  // states of this step or later are suspect
  Answer answer = Answer::kWarn;
};

class DivergenceWatch {
 public:
  DivergenceWatch(const TrainOptions& options, const loss::LossOptions& loss);

  // Takes the values measured after `step` steps: loss_d_<term>, sigma_max_<network> and
  // others, equal on all ranks. None may be NaN or infinite. Only a regular report, one that comes
  // whenever the run is started and stopped, counts for the rest. Steps ascend between two
  // restores. Each cause is warned of once.
  std::optional<Trouble> observe(int64_t step, const core::Values& values, bool is_regular);

  // The state after `step` steps, which was to be saved, is not finite.
  Trouble not_finite(int64_t step) const;

  // For the checkpoint of a state, and back; an empty text is a new run's.
  std::string text() const;
  void restore(const std::string& text);
  // `text`: of the checkpoint that the run went back to.
  void go_back(const std::string& text);

  int64_t rollbacks() const { return state_.rollbacks; }
  double rate_factor() const { return state_.rate_factor; }  // for all learning rates

 private:
  using History = std::deque<std::pair<int64_t, double>>;  // (step, value), ascending

  struct State {
    int64_t rollbacks = 0;
    double rate_factor = 1;
    int64_t finite_step = 0;                 // the last observation without NaN
    std::map<std::string, History> losses;   // loss_d_<term>, as shares of their value at chance
    std::map<std::string, History> spectra;  // sigma_max_<network>
  };

  std::optional<Trouble> not_a_number(int64_t step, const core::Values& values);
  std::optional<Trouble> explosion(int64_t step, const core::Values& values);
  std::optional<Trouble> stuck_loss(int64_t step, const core::Values& values);
  void remember(History& history, int64_t step, double value) const;
  Answer answer(bool is_fatal) const;

  TrainOptions options_;
  double chance_;  // a term of D's loss, at chance
  State state_;
  std::set<std::string> told_;  // causes, in this process
};

}  // namespace bbg::train
