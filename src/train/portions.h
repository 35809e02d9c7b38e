#pragma once
// A rank's slice of a batch in equal portions that go through the networks one after the other
// (train.accumulate).

#include <cstdint>
#include <vector>

#include "core/types.h"
#include "nn/network.h"
#include "train/noise.h"

namespace bbg::train {

struct Portion {
  core::Batch batch;
  Noise noise;
  bool is_first, is_last;
};

// `count` divides the number of rows; the tensors are views.
std::vector<Portion> portions(const core::Batch& batch, const Noise& noise, int64_t count);

// Before a network's first forward on a portion.
void begin(nn::Network& network, const Portion& portion);

}  // namespace bbg::train
