#pragma once
// Everything that training changes: networks, arenas, optimizers, averages; and its conversion to
// and from a StateDict, which is complete: a state read back continues bit for bit. All ranks hold
// equal copies.

#include "comm/communicator.h"
#include "comm/gradient_exchange.h"
#include "core/types.h"
#include "model/nets.h"
#include "train/arena.h"
#include "train/optimizer.h"
#include "train/train_options.h"

namespace bbg::train {

struct TrainState {
  // `communicator` must outlive the state. Parameters and buffers of rank 0 are broadcast.
  TrainState(const model::ModelOptions& model_options, const TrainOptions& options,
             comm::Communicator& communicator, uint64_t seed, at::TensorOptions tensor_options);

  model::Nets nets;
  Arena arena_g, arena_e, arena_d;
  Adam adam_g, adam_e, adam_d;
  comm::GradientExchange exchange_g, exchange_e, exchange_d;

  // Exponential moving averages of weights: parameters averaged, buffers copied
  // (docs/choices.md 51).
  std::unique_ptr<model::Generator> average_g;
  std::unique_ptr<model::Encoder> average_e;

  // After a G/E update; `step` counts finished ones, including this one.
  void update_averages(int64_t step);

  core::StateDict to_state_dict();
  // UsageError where names or shapes differ: the checkpoint is of another model.
  void load(const core::StateDict& state);
  // Everything that rank 0 holds, to all ranks. Collective.
  void broadcast(comm::Communicator& communicator);

 private:
  TrainOptions options_;
  std::vector<model::NamedTensor> named_tensors();
};

}  // namespace bbg::train
