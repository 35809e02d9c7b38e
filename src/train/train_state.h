#pragma once
// Everything that training changes: networks, arenas, optimizers, averages; and its conversion to
// and from a StateDict, which is complete: a state read back continues bit for bit. All ranks hold
// equal copies, of Adam's moments too unless they are shared out (comm.shard-optimizer).

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "comm/communicator.h"
#include "comm/reduction_queue.h"
#include "core/types.h"
#include "model/nets.h"
#include "train/arena.h"
#include "train/train_options.h"
#include "train/trained.h"

namespace bbg::train {

struct TrainState {
  // Everything `backend` refers to must outlive the state. Parameters and buffers of rank 0 are
  // broadcast.
  TrainState(const model::ModelOptions& model_options, const TrainOptions& options,
             const nn::Backend& backend, uint64_t seed, const comm::ExchangeOptions& exchange = {});

  // The ranks that share the statistics of norms in training; null: all of them (train.norm-group).
  std::unique_ptr<comm::Communicator> norm_ranks;
  model::Nets nets;
  comm::ReductionQueue queue;  // for all networks' gradients
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
  // Everything from rank 0's `saved`; the other ranks' is not read and may be null. Collective; the
  // state is complete on all ranks then. UsageError, on all ranks, where names or shapes differ:
  // the checkpoint is of another model, and nothing has changed.
  void load(const core::StateDict* saved);
  // Networks, averages and optimizers as rank 0 has them, to all ranks; moments that are shared out
  // stay where they are. Collective.
  void broadcast();

  // The tensors that all ranks hold equal copies of, under the names of a checkpoint; they are the
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
  // By their names in checkpoints: G, E, D.
  std::vector<std::pair<std::string, const Trained*>> trained() const;
  void merge_statistics();
  void share_buffers();

  comm::Communicator& communicator_;
  // Buffers of all networks that are trained, and of the averages; empty: they have none.
  std::optional<Arena> buffers_, average_buffers_;
  TrainOptions options_;
};

}  // namespace bbg::train
