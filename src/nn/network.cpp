#include "nn/network.h"

#include <ATen/core/grad_mode.h>

#include "core/error.h"

namespace bbg::nn {

Network::Network(std::string prefix, const Settings& settings, const Backend& backend,
                 uint64_t seed)
    : settings_(settings),
      store_(std::move(prefix), seed, settings.init, backend.tensor_options),
      context_{.communicator = backend.communicator, .ops = backend.ops, .settings = settings_} {}

int64_t Network::num_parameters() const {
  int64_t count = 0;
  for (const NamedTensor& parameter : store_.parameters()) count += parameter.tensor.numel();
  return count;
}

std::vector<at::Tensor> Network::parameter_tensors() const {
  std::vector<at::Tensor> all;
  for (const NamedTensor& parameter : store_.parameters()) all.push_back(parameter.tensor);
  return all;
}

void Network::set_requires_grad(bool requires_grad) {
  for (const NamedTensor& parameter : store_.parameters()) {
    parameter.tensor.set_requires_grad(requires_grad);
  }
}

void Network::begin_substep() {
  context_.ops.iterate(context_.spectral_weights, settings_.sn_eps, context_.mode == Mode::kTrain);
  renew_weights();
}

void Network::renew_weights() {
  for (const auto& renew : context_.renew) renew();
}

void Network::begin_standing() {
  set_mode(Mode::kStanding);
  for (const auto& begin : context_.begin_standing) begin();
}

void Network::finish_standing() {
  for (const auto& finish : context_.finish_standing) finish();
  set_mode(Mode::kEvaluate);
}

void copy_state(const Network& from, Network& to) {
  const at::NoGradGuard no_grad;
  const auto copy = [](const std::vector<NamedTensor>& source,
                       const std::vector<NamedTensor>& target) {
    BBG_CHECK(source.size() == target.size(), "networks of different structure");
    for (size_t i = 0; i < source.size(); ++i) {
      BBG_CHECK(source[i].name == target[i].name, "networks of different structure");
      at::Tensor(target[i].tensor).copy_(source[i].tensor);
    }
  };
  copy(from.store().parameters(), to.store().parameters());
  copy(from.store().buffers(), to.store().buffers());
}

}  // namespace bbg::nn
