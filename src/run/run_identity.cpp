#include "run/run_identity.h"

#include "core/error.h"

namespace bbg::run {

std::map<std::string, std::string> model_identity_of(const RunConfig& config) {
  std::map<std::string, std::string> identity;
  for (const auto& [key, value] : config.table.values()) {
    if (key.rfind("model.", 0) == 0 || key == "compute.dtype") identity[key] = value;
  }
  return identity;
}

std::map<std::string, std::string> identity_of(const RunConfig& config,
                                               const std::string& fingerprint) {
  std::map<std::string, std::string> identity = model_identity_of(config);
  const auto values = config.table.values();
  for (const char* key : {"run.seed", "data.batch", "train.d-steps", "train.simultaneous",
                          "loss.kind", "loss.latent-to-g", "loss.reconstruction"}) {
    identity[key] = values.at(key);
  }
  if (config.run.resume_batch) identity.erase("data.batch");
  identity["data.fingerprint"] = fingerprint;
  return identity;
}

void check_identity(const std::map<std::string, std::string>& identity,
                    const core::StateDict& state, const std::string& where,
                    const std::string& hint) {
  // A key that is younger than the checkpoint: what is now its default is what there was.
  const auto defaults = RunConfig().table.values();
  for (const auto& [key, value] : identity) {
    const auto found = state.text.find(key);
    const auto fallback = defaults.find(key);
    const std::string there = found != state.text.end()    ? found->second
                              : fallback != defaults.end() ? fallback->second
                                                           : "absent";
    if (there == value) continue;
    const std::string what = key == "data.fingerprint"     ? "another data set"
                             : key.rfind("model.", 0) == 0 ? "another model"
                                                           : "another run";
    throw core::UsageError(
        "the checkpoint " + where + " is of " + what + ": " + key + " is " + there + " there, " +
            value + " here",
        key == "data.batch" ? "set run.resume-batch = true to go on with it; or " + hint : hint);
  }
}

}  // namespace bbg::run
