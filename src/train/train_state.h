#pragma once
// Everything that training changes: networks, arenas, optimizers, averages; and its conversion to
// and from a StateDict, which is complete: a state read back continues bit for bit. All ranks hold
// equal copies, of Adam's moments too unless they are shared out (comm.shard-optimizer).

#include <map>
#include <optional>

#include "comm/communicator.h"
#include "comm/gradient_exchange.h"
#include "comm/reduction_queue.h"
#include "core/types.h"
#include "model/nets.h"
#include "train/arena.h"
#include "train/optimizer.h"
#include "train/train_options.h"

namespace bbg::train {

// What training adds to one network. Stays where it is built: its parts refer to each other.
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
  Adam adam;  // of what the rank owns
  // Of the last update: the L2 norm of the loss's gradient over the global batch, before clipping
  // and regularisation. A scalar on the device; undefined before the first update.
  at::Tensor gradient_norm;
};

struct TrainState {
  // What `backend` refers to must outlive the state. Parameters and buffers of rank 0 are
  // broadcast.
  TrainState(const model::ModelOptions& model_options, const TrainOptions& options,
             const nn::Backend& backend, uint64_t seed, const comm::ExchangeOptions& exchange = {});

  // Whose ranks share the statistics of norms in training; null: all of them (train.norm-group).
  std::unique_ptr<comm::Communicator> norm_ranks;
  model::Nets nets;
  comm::ReductionQueue queue;  // of all networks' gradients
  Trained g;
  std::optional<Trained> e, d;  // as in nets

  // Exponential moving averages of weights (docs/choices.md 51): parameters averaged, buffers
  // copied.
  std::unique_ptr<model::Generator> average_g;
  std::unique_ptr<model::Encoder> average_e;  // null without an encoder
  std::optional<Arena> average_g_arena, average_e_arena;

  int num_ranks() const { return communicator_.size(); }
  comm::Communicator& communicator() { return communicator_; }

  // After a G/E update; `step` counts finished ones, including this one. Buffers become equal on
  // all ranks first. A collective.
  void update_averages(int64_t step);

  // No NaN or infinity in what this rank holds: weights, buffers, averages, moments. Waits for the
  // device. Ranks that share moments out may answer differently.
  bool is_finite() const;

  // Collective where moments are shared out. A rank that does not want it gets an empty one.
  core::StateDict to_state_dict(bool is_wanted = true);
  // UsageError where names or shapes differ: the checkpoint is of another model. Where moments are
  // shared out, they arrive with the next broadcast().
  void load(const core::StateDict& state);
  // Everything that rank 0 holds, to all ranks. Collective.
  void broadcast(comm::Communicator& communicator);

  // What all ranks hold equal copies of, under the names of a checkpoint; the tensors are the
  // state's own.
  std::vector<nn::NamedTensor> replicas() const;

 private:
  // Moments that are shared out, under the name of the first part of their tensors' names.
  struct Moment {
    std::string name;
    Trained& trained;
    at::Tensor own;
  };
  std::vector<Moment> shared_moments();
  void merge_statistics();
  void share_buffers();

  comm::Communicator& communicator_;
  std::optional<Arena> buffers_;  // of all networks that are trained; empty: they have none

  std::map<std::string, at::Tensor> loaded_moments_;  // of load(), whole, until broadcast()
  TrainOptions options_;
};

}  // namespace bbg::train
