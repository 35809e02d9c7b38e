#pragma once
// When checkpoints are written and how many stay.

#include <cstdint>

#include "core/options.h"

namespace bbg::checkpoint {

struct CheckpointOptions {
  int64_t every = 500;  // steps
  int64_t keep = 3;

  void declare(core::OptionTable& table);
};

}  // namespace bbg::checkpoint
