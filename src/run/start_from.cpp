#include "run/start_from.h"

#include <ATen/core/grad_mode.h>

#include <filesystem>
#include <unordered_map>

#include "checkpoint/safetensors.h"
#include "checkpoint/store.h"
#include "core/error.h"
#include "ops/spectral_norm.h"
#include "run/run_on_all_ranks.h"

namespace bbg::run {

namespace {

constexpr int kPowerIterations = 30;

using ByName = std::unordered_map<std::string, at::Tensor>;

std::vector<nn::NamedTensor> tensors_of(const nn::Network& network) {
  std::vector<nn::NamedTensor> all = network.store().parameters();
  const auto& buffers = network.store().buffers();
  all.insert(all.end(), buffers.begin(), buffers.end());
  return all;
}

void take(const ByName& source, const std::string& prefix, nn::Network& network, double sn_eps,
          StartingTensors& result) {
  ByName own;
  std::vector<std::string> power_vectors;  // missing ones
  for (const nn::NamedTensor& entry : tensors_of(network)) {
    const std::string name = prefix + "." + entry.name;
    own[entry.name] = entry.tensor;
    const auto found = source.find(name);
    if (found == source.end()) {
      result.missing.push_back(name);
      if (entry.name.ends_with(".u")) power_vectors.push_back(entry.name);
    } else if (found->second.sizes() != entry.tensor.sizes()) {
      result.other_shape.push_back(name);
    } else {
      at::Tensor(entry.tensor).copy_(found->second);
      result.taken.push_back(name);
    }
  }
  for (const std::string& name : power_vectors) {
    at::Tensor u = own.at(name);
    const at::Tensor weight = own.at(name.substr(0, name.size() - 1) + "weight");
    for (int i = 0; i < kPowerIterations; ++i) {
      u.copy_(ops::spectral_norm(weight, u, sn_eps).u);
    }
  }
}

void take_average(const ByName& source, const std::string& prefix, const nn::Network& network,
                  nn::Network& average) {
  nn::copy_state(network, average);
  for (const nn::NamedTensor& entry : tensors_of(average)) {
    const auto found = source.find(prefix + "_average." + entry.name);
    if (found != source.end() && found->second.sizes() == entry.tensor.sizes()) {
      at::Tensor(entry.tensor).copy_(found->second);
    }
  }
}

std::string list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? ": " : ", ") + name;
  return text;
}

}  // namespace

StartingTensors take_networks(const core::StateDict& source, double sn_eps,
                              train::TrainState& state) {
  const at::NoGradGuard no_grad;
  const ByName tensors(source.tensors.begin(), source.tensors.end());
  StartingTensors result;
  take(tensors, "G", *state.nets.generator, sn_eps, result);
  if (state.nets.encoder) take(tensors, "E", *state.nets.encoder, sn_eps, result);
  if (state.nets.discriminator) take(tensors, "D", *state.nets.discriminator, sn_eps, result);
  take_average(tensors, "G", *state.nets.generator, *state.average_g);
  if (state.average_e) take_average(tensors, "E", *state.nets.encoder, *state.average_e);
  return result;
}

void start_from(const std::string& path, const RunConfig& config, train::TrainState& state,
                core::FileSystem& files, comm::Communicator& control,
                comm::Communicator& communicator, const core::Log& log) {
  run_on_all_ranks(control, [&] {
    if (control.rank() != 0) return;
    std::error_code unknown;
    const core::StateDict source = std::filesystem::is_directory(path, unknown)
                                       ? checkpoint::Store::load_folder(files, path).state
                                       : checkpoint::read_safetensors(files, path);
    const StartingTensors result = take_networks(source, config.model.sn_eps, state);
    if (result.taken.empty()) {
      throw core::UsageError(
          "run.start-from = " + path + ": no tensor there fits this model",
          "name a checkpoint's folder, .../step-NNNNNNNN, or a file of bbg_dist export");
    }
    log.info("start from " + path + ": " + std::to_string(result.taken.size()) +
             " tensors of the networks taken");
    log.info("start from: " + std::to_string(result.other_shape.size()) +
             " have another shape there and keep their own start" + list(result.other_shape));
    log.info("start from: " + std::to_string(result.missing.size()) +
             " are missing there and keep their own start" + list(result.missing));
  });
  state.broadcast(communicator);
}

}  // namespace bbg::run
