#include "run/start_from.h"

#include <ATen/core/grad_mode.h>

#include <filesystem>
#include <unordered_map>

#include "checkpoint/safetensors.h"
#include "checkpoint/store.h"
#include "core/error.h"
#include "nn/named_tensors.h"
#include "ops/spectral_norm.h"
#include "run/run_on_all_ranks.h"

namespace bbg::run {

namespace {

constexpr int kPowerIterations = 30;

void take(const nn::NamedSource& source, const std::string& prefix, nn::Network& network,
          double sn_eps, StartingTensors& result) {
  std::unordered_map<std::string, at::Tensor> own;
  std::vector<std::string> power_vectors;  // missing ones
  for (const nn::NamedTensor& entry : nn::tensors_of(network, prefix)) {
    own[entry.name] = entry.tensor;
    const nn::Fit fit = source.copy_if_it_fits(entry);
    auto& names = fit == nn::Fit::kFits      ? result.taken
                  : fit == nn::Fit::kMissing ? result.missing
                                             : result.other_shape;
    names.push_back(entry.name);
    if (fit == nn::Fit::kMissing && entry.name.ends_with(".u")) power_vectors.push_back(entry.name);
  }
  for (const std::string& name : power_vectors) {
    at::Tensor u = own.at(name);
    const at::Tensor weight = own.at(name.substr(0, name.size() - 1) + "weight");
    for (int i = 0; i < kPowerIterations; ++i) {
      u.copy_(ops::spectral_norm(weight, u, sn_eps).u);
    }
  }
}

void take_average(const nn::NamedSource& source, const std::string& prefix,
                  const nn::Network& network, nn::Network& average) {
  nn::copy_state(network, average);
  for (const nn::NamedTensor& entry : nn::tensors_of(average, prefix + "_average")) {
    source.copy_if_it_fits(entry);
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
  const nn::NamedSource tensors(source.tensors);
  StartingTensors result;
  take(tensors, "G", *state.nets.generator, sn_eps, result);
  if (state.nets.encoder) take(tensors, "E", *state.nets.encoder, sn_eps, result);
  if (state.nets.discriminator) take(tensors, "D", *state.nets.discriminator, sn_eps, result);
  take_average(tensors, "G", *state.nets.generator, *state.average_g);
  if (state.average_e) take_average(tensors, "E", *state.nets.encoder, *state.average_e);
  return result;
}

void start_from(const std::string& path, const RunConfig& config, train::TrainState& state,
                core::FileSystem& files, comm::Communicator& control, const core::Log& log) {
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
  state.broadcast();
}

}  // namespace bbg::run
