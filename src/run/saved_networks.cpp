#include "run/saved_networks.h"

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
  const std::vector<nn::NamedTensor> targets = nn::tensors_of(network, prefix);
  if (const auto misfit = tensors.first_misfit(targets)) {
    throw core::UsageError(
        "the checkpoint " + path + " is of another model: '" + misfit->name +
            (misfit->fit == nn::Fit::kMissing ? "' is missing" : "' differs in shape"),
        "use the run's own config.ini");
  }
  tensors.copy(targets);
  network.set_requires_grad(false);
  network.set_mode(nn::Mode::kEvaluate);
  network.begin_substep();
}

SavedSubject::SavedSubject(const SavedNetworks& saved, const RunConfig& config,
                           const nn::Backend& backend)
    : nets_(model::make_nets(config.model, backend, static_cast<uint64_t>(config.run.seed))) {
  saved.fill(*nets_.generator, "G_average");
  if (nets_.encoder) saved.fill(*nets_.encoder, "E_average");
  if (nets_.discriminator) saved.fill(*nets_.discriminator, "D");
}

measure::Subject SavedSubject::subject() const {
  return {.generator = *nets_.generator,
          .encoder = nets_.encoder.get(),
          .discriminator = nets_.discriminator.get()};
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
          .tensors = nn::NamedSource(loaded.state.tensors)};
}

}  // namespace bbg::run
