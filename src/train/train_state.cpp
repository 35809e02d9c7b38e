#include "train/train_state.h"

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

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

model::ModelOptions as_trained(model::ModelOptions model, const TrainOptions& train,
                               const at::TensorOptions& tensor_options) {
  model.in_bfloat16 = train.precision == Precision::kBfloat16;
  BBG_CHECK(!model.in_bfloat16 || tensor_options.dtype() == at::kFloat,
            "bfloat16 beside parameters that are not float32");
  return model;
}

// Running statistics and vectors of spectral norm in one piece of memory.
std::optional<Arena> arena_of_buffers(const std::vector<const nn::Network*>& networks) {
  std::vector<nn::NamedTensor> all;
  for (const nn::Network* network : networks) {
    if (network == nullptr) continue;
    all.insert(all.end(), network->store().buffers().begin(), network->store().buffers().end());
  }
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

}  // namespace

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
  buffers_ = arena_of_buffers({nets.generator.get(), nets.encoder.get(), nets.discriminator.get()});
  average_buffers_ = arena_of_buffers({average_g.get(), average_e.get()});
  // All ranks compute the same start; hosts of different make may round a QR differently, so rank
  // 0's counts.
  broadcast();
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

std::vector<std::pair<std::string, const Trained*>> TrainState::trained() const {
  std::vector<std::pair<std::string, const Trained*>> all = {{"G", &g}};
  if (e) all.emplace_back("E", &*e);
  if (d) all.emplace_back("D", &*d);
  return all;
}

bool TrainState::is_finite() const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> verdicts;
  const auto look = [&](const at::Tensor& tensor) {
    verdicts.push_back(at::isfinite(tensor).all());
  };
  for (const auto& [name, part] : trained()) {
    look(part->arena.values());
    look(part->adam.first_moment());
    look(part->adam.second_moment());
  }
  look(average_g_arena->values());
  if (average_e_arena) look(average_e_arena->values());
  if (buffers_) look(buffers_->values());
  return at::stack(verdicts).all().item<bool>();
}

}  // namespace bbg::train
