#pragma once
// Updates of training as CUDA graphs: all that an update enqueues, collectives among it, is
// recorded once and then started by one call, which frees the host from some thousand. Needs
// updates whose shapes and host decisions never change and that read nothing back from the device
// (train/step.h).
//
// The first call of each kind is made as it is, for libraries to choose their kernels; a kind is
// recorded once every kind has been made so. Recordings share their memory: what one leaves there,
// but for its losses, the next may overwrite. All ranks record in the same call.

#include <c10/core/Device.h>

#include <functional>
#include <memory>
#include <utility>

#include "core/types.h"
#include "loss/loss.h"
#include "train/noise.h"

namespace bbg::train {

class UpdateGraphs {
 public:
  using Losses = std::pair<loss::Loss, loss::Loss>;
  using Update = std::function<Losses(const core::Batch&, const Noise&)>;

  // `num_kinds`: how many kinds of update will be run. InternalError where `device` is no GPU.
  UpdateGraphs(at::Device device, int num_kinds);
  ~UpdateGraphs();
  UpdateGraphs(const UpdateGraphs&) = delete;
  UpdateGraphs& operator=(const UpdateGraphs&) = delete;

  // Makes `update` on these tensors, which are copied and have the same shapes in every call of a
  // kind, on the current stream, not the device's default one. The losses that come back are
  // overwritten by the kind's next run. SystemError where something cannot be recorded.
  Losses run(int kind, const core::Batch& batch, const Noise& noise, const Update& update);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::train
