#pragma once
// Averages a network's gradients over ranks. The gradients live in one contiguous arena
// (train/arena.h), so the exchange is one in-place reduction; its order of summation depends on the
// world size alone, and all ranks end with equal bits.

#include <ATen/ATen.h>

#include "comm/communicator.h"

namespace bbg::comm {

class GradientExchange {
 public:
  // `gradients`: [n], the whole arena; shared, reduced in place by finish().
  GradientExchange(Communicator& communicator, at::Tensor gradients);

  // After backward: returns (CPU) or has enqueued (CUDA) the mean over ranks.
  void finish();

  // The L2 norm of what finish() left: a scalar on the device, of equal bits on all ranks. A
  // collective.
  at::Tensor norm();

 private:
  Communicator& communicator_;
  at::Tensor gradients_;
};

}  // namespace bbg::comm
