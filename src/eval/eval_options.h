#pragma once
// Options of evaluation: what it measures on, and how much of it.

#include <cstdint>
#include <string>

#include "core/options.h"
#include "eval/probe.h"
#include "eval/schedule.h"
#include "eval/transfer.h"

namespace bbg::eval {

// The network whose features probe and neighbours read.
enum class FeatureNetwork { kEncoder, kDiscriminator };
enum class Feature { kAverage, kBnCrelu };
// Measured on beside the trained network's features.
enum class Baselines { kBoth, kUntrained, kPixels, kNone };
enum class TruncationMode { kResample, kHub };

struct EvaluateOptions {
  int64_t every = 0, patience = 0;
  std::string schedule = {};
  FeatureNetwork network = FeatureNetwork::kEncoder;
  Feature feature = Feature::kAverage;
  int64_t probe_train = 20000, probe_test = 10000;
  double probe_l2 = ProbeOptions{}.l2;
  bool probe_choose_l2 = ProbeOptions{}.choose_l2;
  int64_t probe_iterations = ProbeOptions{}.iterations;
  int64_t linear_steps = 12'500, linear_views = 0;
  bool keep_features = false;
  int64_t transfer_steps = TransferOptions{}.steps, transfer_batch = TransferOptions{}.batch;
  double transfer_rate = TransferOptions{}.rate;
  int64_t neighbours_train = 10000, neighbours_test = 2000;
  Baselines baselines = Baselines::kBoth;
  int64_t batch = 256;
  int64_t standing_passes = 100;
  int64_t samples = 10000;
  int64_t reference_images = 0;
  int64_t kept_images = 10000;
  int64_t kid_subsets = 100, kid_subset_size = 1000;
  int64_t is_splits = 10;
  double truncation = 0;
  TruncationMode truncation_mode = TruncationMode::kResample;

  void declare(core::OptionTable& table);
  // Throws UsageError where values do not fit together.
  void check() const;
  ProbeOptions probe() const;
  TransferOptions transfer() const {
    return {.steps = transfer_steps, .batch = transfer_batch, .rate = transfer_rate};
  }
  Schedule due() const { return {every, schedule}; }
  bool measures_untrained() const {
    return baselines == Baselines::kBoth || baselines == Baselines::kUntrained;
  }
  bool measures_pixels() const {
    return baselines == Baselines::kBoth || baselines == Baselines::kPixels;
  }
};

}  // namespace bbg::eval
