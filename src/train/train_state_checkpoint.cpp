// TrainState as a checkpoint has it: to a StateDict and back, and from rank 0 to all.
#include <ATen/core/grad_mode.h>

#include <exception>

#include "core/error.h"
#include "nn/named_tensors.h"
#include "train/train_state.h"

namespace bbg::train {

namespace {

void append(std::vector<nn::NamedTensor>& all, const std::string& prefix,
            const std::vector<nn::NamedTensor>& some) {
  for (const auto& entry : some) all.push_back({prefix + "." + entry.name, entry.tensor});
}

// UsageError where `source` is not a whole state of these tensors.
void check(const nn::NamedSource& source, const std::vector<nn::NamedTensor>& targets) {
  const std::string another = "the checkpoint is of another model: ";
  const std::string hint =
      "start with the model options in the run folder's config.ini, or choose another run.output";
  const auto misfit = source.first_misfit(targets);
  if (misfit) throw core::UsageError(another + misfit->text, hint);
  if (source.size() == targets.size()) return;
  throw core::UsageError(another + "it has " + std::to_string(source.size()) +
                             " tensors, this model " + std::to_string(targets.size()),
                         hint);
}

}  // namespace

std::vector<nn::NamedTensor> TrainState::replicas() const {
  std::vector<nn::NamedTensor> all;
  const auto add_network = [&](const std::string& name, const nn::Network& net) {
    append(all, name, net.store().parameters());
    append(all, name, net.store().buffers());
  };
  const auto add_optimizer = [&](const std::string& name, const Trained& trained) {
    if (!trained.exchange.is_sharded()) {
      append(all, name + "_adam.first", trained.arena.views(trained.adam.first_moment()));
      append(all, name + "_adam.second", trained.arena.views(trained.adam.second_moment()));
    }
    all.push_back({name + "_adam.steps", trained.adam.steps()});
  };
  add_network("G", *nets.generator);
  if (nets.encoder) add_network("E", *nets.encoder);
  if (nets.discriminator) add_network("D", *nets.discriminator);
  add_network("G_average", *average_g);
  if (average_e) add_network("E_average", *average_e);
  for (const auto& [name, part] : trained()) add_optimizer(name, *part);
  return all;
}

std::vector<TrainState::Moment> TrainState::shared_moments() {
  std::vector<Moment> all;
  const auto add = [&](const std::string& name, Trained& trained) {
    if (!trained.exchange.is_sharded()) return;
    all.push_back({name + "_adam.first", trained, trained.adam.first_moment()});
    all.push_back({name + "_adam.second", trained, trained.adam.second_moment()});
  };
  add("G", g);
  if (e) add("E", *e);
  if (d) add("D", *d);
  return all;
}

core::StateDict TrainState::to_state_dict(bool is_wanted) {
  core::StateDict state;
  const auto add = [&](const std::vector<nn::NamedTensor>& tensors) {
    for (const auto& entry : tensors) {
      state.tensors.emplace_back(entry.name, entry.tensor.detach().cpu().contiguous());
    }
  };
  if (is_wanted) add(replicas());
  for (const Moment& moment : shared_moments()) {
    const at::Tensor flat = moment.trained.whole(moment.own);  // collective
    if (!is_wanted) continue;
    std::vector<nn::NamedTensor> named;
    append(named, moment.name, moment.trained.arena.views(flat));
    add(named);
  }
  return state;
}

void TrainState::load(const core::StateDict* saved) {
  const at::NoGradGuard no_grad;
  std::vector<Moment> moments = shared_moments();
  std::optional<nn::NamedSource> source;
  std::exception_ptr problem;
  if (communicator_.rank() == 0) {
    source.emplace(saved->tensors);
    std::vector<nn::NamedTensor> targets = replicas();
    for (const Moment& moment : moments) {
      const Arena& arena = moment.trained.arena;
      append(targets, moment.name, arena.views(arena.values()));
    }
    try {
      check(*source, targets);
    } catch (const core::UsageError&) {
      problem = std::current_exception();
    }
  }
  if (!communicator_.agree(problem == nullptr)) {
    if (problem) std::rethrow_exception(problem);
    throw core::UsageError("the checkpoint that rank 0 read is of another model");
  }
  if (source) source->copy(replicas());
  broadcast();
  for (Moment& moment : moments) {
    at::Tensor flat = moment.trained.arena.like();
    std::vector<nn::NamedTensor> views;
    append(views, moment.name, moment.trained.arena.views(flat));
    if (source) source->copy(views);
    communicator_.broadcast(flat, 0);
    moment.trained.take_owned(flat, moment.own);
  }
}

void TrainState::broadcast() {
  const at::NoGradGuard no_grad;
  const auto send = [this](at::Tensor values) { communicator_.broadcast(values, 0); };
  for (const auto& [name, part] : trained()) {
    send(part->arena.values());
    send(part->adam.steps());
    if (part->exchange.is_sharded()) continue;
    send(part->adam.first_moment());
    send(part->adam.second_moment());
  }
  for (const auto* arena : {&average_g_arena, &average_e_arena, &buffers_, &average_buffers_}) {
    if (*arena) send((*arena)->values());
  }
}

}  // namespace bbg::train
