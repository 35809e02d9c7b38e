#pragma once
// A network in training: its parameters and gradients in one arena, their exchange between ranks,
// and Adam. Stays where it is built: its parts refer to each other.

#include "comm/communicator.h"
#include "comm/gradient_exchange.h"
#include "comm/reduction_queue.h"
#include "nn/network.h"
#include "train/arena.h"
#include "train/optimizer.h"
#include "train/train_options.h"

namespace bbg::train {

struct Trained {
  Trained(nn::Network& network, const TrainOptions& options, comm::Communicator& communicator,
          comm::ReductionQueue& queue);
  Trained(const Trained&) = delete;
  Trained& operator=(const Trained&) = delete;

  // Adam's step on what finish() of the exchange left; then every rank has all parameters again.
  void step();

  // One of Adam's moments, of the arena's layout. A collective where they are shared out; else the
  // moment itself.
  at::Tensor whole(const at::Tensor& moment);
  // Its inverse: `moment` becomes the rank's parts of `flat`.
  void take_owned(const at::Tensor& flat, at::Tensor moment);

  Arena arena;
  comm::GradientExchange exchange;
  Adam adam;  // for the parameters that the rank owns
  // The L2 norm of the last update's gradient of the loss over the global batch, before clipping
  // and regularisation. A scalar on the device; undefined before the first update.
  at::Tensor gradient_norm;
};

}  // namespace bbg::train
