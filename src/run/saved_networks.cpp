#include "run/saved_networks.h"

#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "run/run_identity.h"

namespace bbg::run {

namespace {

checkpoint::Store::Loaded load_checkpoint(const RunConfig& config, const std::string& checkpoint,
                                          core::FileSystem& files, const core::Log& log) {
  if (checkpoint == "best") {
    return checkpoint::Store(files, config.run.output + "/checkpoints", 1).load_best();
  }
  if (!checkpoint.empty()) return checkpoint::Store::load_folder(files, checkpoint);
  const std::string folder = config.run.output + "/checkpoints";
  std::vector<std::string> skipped;
  auto newest = checkpoint::Store(files, folder, 1).load_newest(&skipped);
  for (const std::string& text : skipped) log.warn("checkpoint skipped: " + text);
  if (!newest) {
    throw core::UsageError("there is no checkpoint in " + folder,
                           "give the configuration of a run that has been trained, or --checkpoint "
                           "FOLDER");
  }
  return std::move(*newest);
}

}  // namespace

void SavedNetworks::fill(nn::Network& network, const std::string& prefix) const {
  const at::NoGradGuard no_grad;
  for (const auto* list : {&network.store().parameters(), &network.store().buffers()}) {
    for (const nn::NamedTensor& entry : *list) {
      const std::string name = prefix + "." + entry.name;
      const auto found = tensors.find(name);
      if (found == tensors.end() || found->second.sizes() != entry.tensor.sizes() ||
          found->second.scalar_type() != entry.tensor.scalar_type()) {
        throw core::UsageError("the checkpoint " + path + " is of another model: '" + name +
                                   (found == tensors.end() ? "' is missing" : "' differs in shape"),
                               "use the run's own config.ini");
      }
      at::Tensor(entry.tensor).copy_(found->second);
    }
  }
  network.set_requires_grad(false);
  network.set_mode(nn::Mode::kEvaluate);
  network.begin_substep();
}

SavedNetworks load_networks(const RunConfig& config, const std::string& checkpoint,
                            const std::string& command, core::FileSystem& files,
                            const core::Log& log) {
  const auto loaded = load_checkpoint(config, checkpoint, files, log);
  check_identity(model_identity_of(config), loaded.state, loaded.path,
                 command + " with the run's own config.ini");
  return {.step = loaded.step,
          .path = loaded.path,
          .text = {loaded.state.text.begin(), loaded.state.text.end()},
          .tensors = {loaded.state.tensors.begin(), loaded.state.tensors.end()}};
}

}  // namespace bbg::run
