#pragma once
// When checkpoints are written and how many stay.

#include <cstdint>
#include <string>

#include "core/options.h"

namespace bbg::checkpoint {

struct CheckpointOptions {
  int64_t every = 500;  // steps
  int64_t keep = 3;
  std::string keep_best = "none";  // or the name of a metric

  void declare(core::OptionTable& table);
  bool keeps_best() const { return keep_best != "none"; }
};

}  // namespace bbg::checkpoint
