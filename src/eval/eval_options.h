#pragma once
// What evaluation measures on, and how much of it.

#include <cstdint>
#include <string>

#include "core/options.h"
#include "eval/probe.h"

namespace bbg::eval {

struct EvaluateOptions {
  int64_t every = 0;
  std::string network = "e";
  std::string feature = "average";
  int64_t probe_train = 20000, probe_test = 10000;
  double probe_l2 = ProbeOptions{}.l2;
  bool probe_choose_l2 = ProbeOptions{}.choose_l2;
  int64_t probe_iterations = ProbeOptions{}.iterations;
  int64_t neighbours_train = 10000, neighbours_test = 2000;
  std::string baselines = "both";
  int64_t batch = 256;
  int64_t standing_passes = 100;
  int64_t samples = 10000;
  double truncation = 0;
  std::string truncation_mode = "resample";

  void declare(core::OptionTable& table);
  // Throws UsageError where values do not fit together.
  void check() const;
  ProbeOptions probe() const;
  bool measures_untrained() const { return baselines == "both" || baselines == "untrained"; }
  bool measures_pixels() const { return baselines == "both" || baselines == "pixels"; }
};

}  // namespace bbg::eval
