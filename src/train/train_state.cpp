#include "train/train_state.h"

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include <unordered_map>

#include "core/error.h"

namespace bbg::train {

namespace {

void copy_buffers(const nn::Network& from, nn::Network& to) {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < from.store().buffers().size(); ++i) {
    at::Tensor(to.store().buffers()[i].tensor).copy_(from.store().buffers()[i].tensor);
  }
}

void average(const nn::Network& from, const Arena& from_arena, nn::Network& to, Arena& to_arena,
             double decay) {
  const at::NoGradGuard no_grad;
  if (decay == 0) {
    to_arena.values().copy_(from_arena.values());
  } else {
    to_arena.values().lerp_(from_arena.values(), 1 - decay);
  }
  copy_buffers(from, to);
}

void append(std::vector<nn::NamedTensor>& all, const std::string& prefix,
            const std::vector<nn::NamedTensor>& some) {
  for (const auto& entry : some) all.push_back({prefix + "." + entry.name, entry.tensor});
}

model::ModelOptions as_trained(model::ModelOptions model, const TrainOptions& train,
                               const at::TensorOptions& tensor_options) {
  model.in_bfloat16 = train.precision == Precision::kBfloat16;
  BBG_CHECK(!model.in_bfloat16 || tensor_options.dtype() == at::kFloat,
            "bfloat16 beside parameters that are not float32");
  return model;
}

// Running statistics and vectors of spectral norm in one piece of memory.
std::optional<Arena> arena_of_buffers(const model::Nets& nets) {
  std::vector<nn::NamedTensor> all;
  const auto add = [&](const nn::Network* network) {
    if (network == nullptr) return;
    all.insert(all.end(), network->store().buffers().begin(), network->store().buffers().end());
  };
  add(nets.generator.get());
  add(nets.encoder.get());
  add(nets.discriminator.get());
  if (all.empty()) return std::nullopt;
  return std::optional<Arena>(std::in_place, all, /*has_gradients=*/false);
}

std::unique_ptr<comm::Communicator> split_for_norms(const TrainOptions& options,
                                                    comm::Communicator& communicator) {
  if (communicator.size() == 1) return nullptr;
  options.check_ranks(communicator.size());
  const NormGroup group = options.parsed_norm_group();
  switch (group.who) {
    case NormGroup::Who::kAll:
      return nullptr;
    case NormGroup::Who::kHost:
      return communicator.split({.purpose = "norms", .by_host = true});
    case NormGroup::Who::kNeighbours:
      return communicator.split(
          {.purpose = "norms", .group = communicator.rank() / static_cast<int>(group.size)});
  }
  BBG_CHECK(false, "a group of ranks that is not known");
}

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace

Trained::Trained(nn::Network& network, const TrainOptions& options,
                 comm::Communicator& communicator, comm::ReductionQueue& queue)
    : arena(network.store().parameters(), /*has_gradients=*/true, queue.unit(),
            [&](int64_t elements, const at::TensorOptions& tensor_options) {
              return queue.zeros(elements, tensor_options);
            }),
      exchange(communicator, queue, arena.gradients(), arena.places()),
      adam(exchange.own_shards(arena.values()), exchange.own_shards(arena.gradients()),
           {options.beta1, options.beta2, options.adam_eps}) {}

void Trained::step() {
  adam.step();
  exchange.all_gather_parameters(arena.values());
}

at::Tensor Trained::whole(const at::Tensor& moment) {
  if (!exchange.is_sharded()) return moment;
  at::Tensor flat = arena.like();
  const std::vector<at::Tensor> own = exchange.own_shards(flat), parts = adam.parts(moment);
  for (size_t i = 0; i < own.size(); ++i) own[i].copy_(parts[i]);
  exchange.all_gather_parameters(flat);
  return flat;
}

void Trained::take_owned(const at::Tensor& flat, at::Tensor moment) {
  moment.copy_(at::cat(exchange.own_shards(flat)));
}

TrainState::TrainState(const model::ModelOptions& model_options, const TrainOptions& options,
                       const nn::Backend& backend, uint64_t seed,
                       const comm::ExchangeOptions& exchange)
    : norm_ranks(split_for_norms(options, backend.communicator)),
      nets(model::make_nets(
          as_trained(model_options, options, backend.tensor_options),
          {norm_ranks ? *norm_ranks : backend.communicator, backend.ops, backend.tensor_options},
          seed)),
      queue(backend.communicator, exchange, backend.tensor_options.device()),
      g(*nets.generator, options, backend.communicator, queue),
      communicator_(backend.communicator),
      options_(options) {
  model::ModelOptions unfilled = model_options;
  unfilled.init = nn::Init::kNone;
  average_g = model::make_generator(unfilled, backend, seed);
  average_g->set_requires_grad(false);
  nn::copy_state(*nets.generator, *average_g);
  average_g_arena.emplace(average_g->store().parameters(), /*has_gradients=*/false, queue.unit());
  if (nets.discriminator) d.emplace(*nets.discriminator, options, communicator_, queue);
  if (nets.encoder) {
    e.emplace(*nets.encoder, options, communicator_, queue);
    average_e = std::make_unique<model::Encoder>(unfilled, backend, seed);
    average_e->set_requires_grad(false);
    nn::copy_state(*nets.encoder, *average_e);
    average_e_arena.emplace(average_e->store().parameters(), /*has_gradients=*/false, queue.unit());
  }
  buffers_ = arena_of_buffers(nets);
  // All ranks compute the same start; hosts of different make may round a QR differently, so rank
  // 0's counts.
  broadcast(communicator_);
}

// Linear, as the running statistics themselves: to average them now and then or at the end is the
// same.
void TrainState::merge_statistics() {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> all, flat;
  const auto add = [&](const nn::Network* network) {
    if (network == nullptr) return;
    all.insert(all.end(), network->statistics().begin(), network->statistics().end());
  };
  add(nets.generator.get());
  add(nets.encoder.get());
  add(nets.discriminator.get());
  if (all.empty()) return;
  for (const at::Tensor& one : all) flat.push_back(one.flatten());
  at::Tensor packed = at::cat(flat);
  communicator_.all_reduce(packed, comm::Reduce::kMean);
  int64_t first = 0;
  for (at::Tensor& one : all) {
    one.copy_(packed.narrow(0, first, one.numel()).view(one.sizes()));
    first += one.numel();
  }
}

// Every rank moves running statistics and the vectors of spectral norm by itself, from values that
// are equal on all; but processors of different make round sums and products otherwise.
void TrainState::share_buffers() {
  if (buffers_ && num_ranks() > 1) communicator_.broadcast(buffers_->values(), 0);
}

void TrainState::update_averages(int64_t step) {
  RECORD_USER_SCOPE("averages");
  if (norm_ranks) merge_statistics();
  share_buffers();
  const double decay = step < options_.ema_start ? 0 : options_.ema_decay;
  average(*nets.generator, g.arena, *average_g, *average_g_arena, decay);
  if (average_e) {
    average(*nets.encoder, e->arena, *average_e, *average_e_arena,
            options_.ema_encoder ? decay : 0);
  }
}

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
  add_optimizer("G", g);
  if (e) add_optimizer("E", *e);
  if (d) add_optimizer("D", *d);
  return all;
}

bool TrainState::is_finite() const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> verdicts;
  const auto look = [&](const at::Tensor& tensor) {
    verdicts.push_back(at::isfinite(tensor).all());
  };
  const auto look_at_trained = [&](const Trained& trained) {
    look(trained.arena.values());
    look(trained.adam.first_moment());
    look(trained.adam.second_moment());
  };
  look_at_trained(g);
  if (e) look_at_trained(*e);
  if (d) look_at_trained(*d);
  look(average_g_arena->values());
  if (average_e_arena) look(average_e_arena->values());
  if (buffers_) look(buffers_->values());
  return at::stack(verdicts).all().item<bool>();
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

void TrainState::broadcast(comm::Communicator& communicator) {
  const at::NoGradGuard no_grad;
  for (auto& entry : replicas()) communicator.broadcast(entry.tensor, 0);
  std::vector<Moment> moments = shared_moments();
  if (moments.empty()) return;
  // Without a checkpoint every rank keeps what it owns.
  at::Tensor has_loaded =
      at::full({1}, loaded_moments_.empty() ? 0 : 1, g.arena.values().options());
  communicator.broadcast(has_loaded, 0);
  if (has_loaded.item<double>() == 0) return;
  for (Moment& moment : moments) {
    at::Tensor flat = moment.trained.arena.like();
    const auto loaded = loaded_moments_.find(moment.name);
    if (loaded != loaded_moments_.end()) flat.copy_(loaded->second);
    communicator.broadcast(flat, 0);
    moment.trained.take_owned(flat, moment.own);
  }
  loaded_moments_.clear();
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

void TrainState::load(const core::StateDict& state) {
  const at::NoGradGuard no_grad;
  std::unordered_map<std::string, at::Tensor> by_name(state.tensors.begin(), state.tensors.end());
  const std::string hint =
      "start with the model options in the run folder's config.ini, or choose another run.output";
  std::vector<nn::NamedTensor> targets = replicas();
  std::map<std::string, at::Tensor> whole_moments;
  for (const Moment& moment : shared_moments()) {
    const at::Tensor flat = at::zeros_like(moment.trained.arena.values(), at::kCPU);
    append(targets, moment.name, moment.trained.arena.views(flat));
    whole_moments[moment.name] = flat;
  }
  for (const auto& target : targets) {
    const auto found = by_name.find(target.name);
    if (found == by_name.end()) {
      throw core::UsageError("the checkpoint is of another model: it lacks '" + target.name + "'",
                             hint);
    }
    if (found->second.sizes() != target.tensor.sizes() ||
        found->second.scalar_type() != target.tensor.scalar_type()) {
      throw core::UsageError("the checkpoint is of another model: '" + target.name + "' is " +
                                 shape_text(found->second.sizes()) + " of type " +
                                 at::toString(found->second.scalar_type()) + " there, " +
                                 shape_text(target.tensor.sizes()) + " of type " +
                                 at::toString(target.tensor.scalar_type()) + " here",
                             hint);
    }
  }
  if (by_name.size() != targets.size()) {
    throw core::UsageError("the checkpoint is of another model: it has " +
                               std::to_string(by_name.size()) + " tensors, this model " +
                               std::to_string(targets.size()),
                           hint);
  }
  for (auto& target : targets) target.tensor.copy_(by_name.at(target.name));
  loaded_moments_ = std::move(whole_moments);
}

}  // namespace bbg::train
