#include "plan/plan.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "core/text.h"
#include "eval/probe.h"
#include "measure/memory.h"
#include "model/nets.h"
#include "ops/ops.h"

namespace bbg::plan {

namespace {

using Json = nlohmann::ordered_json;

// Parameters by the first part of their names: F, H, J and the scores of D.
Json by_part(const nn::Network& network) {
  Json parts = Json::object();
  for (const auto& parameter : network.store().parameters()) {
    const std::string part = parameter.name.substr(0, parameter.name.find('.'));
    parts[part] = parts.value(part, int64_t{0}) + parameter.tensor.numel();
  }
  return parts;
}

}  // namespace

Json plan(const run::RunConfig& config) {
  comm::SelfCommunicator alone;
  const auto ops = ops::make_ops(at::kMeta);
  const model::Nets nets = model::make_nets(
      config.model, {alone, *ops, at::TensorOptions(at::kMeta).dtype(at::kFloat)}, 1);
  Json parameters;
  int64_t total = 0, averaged = 0;
  const auto add = [&](const std::string& name, const nn::Network& network, bool has_average) {
    parameters[name] = network.num_parameters();
    total += network.num_parameters();
    if (has_average) averaged += network.num_parameters();
  };
  add("G", *nets.generator, true);
  if (nets.encoder) add("E", *nets.encoder, true);
  if (nets.discriminator) add("D", *nets.discriminator, false);
  parameters["total"] = total;
  const int64_t value_bytes = config.compute.dtype == run::Dtype::kFloat64 ? 8 : 4;
  const int64_t probe_features = measure::longest_feature_width(config.measuring(), nets);
  return {{"name", config.run.name},
          {"output", config.run.output},
          {"system", core::word_of(model::kSystems, config.model.system)},
          {"images",
           {{"resolution", config.model.data_resolution()},
            {"crop", config.data.crop > 0},  // then shards may be larger
            {"channels", config.model.channels},
            {"classes", config.model.is_conditional() ? config.model.num_classes : 0}}},
          {"parameters", parameters},
          {"discriminator", nets.discriminator ? by_part(*nets.discriminator) : Json::object()},
          // Values, gradients and two moments of each parameter, and the averages.
          {"state_bytes", (4 * total + averaged) * value_bytes},
          {"probe",
           {{"features", probe_features},
            {"bytes_per_class", eval::probe_bytes(probe_features, 1, 1)}}},
          {"images_per_step", config.data.batch * config.train.draws_per_step(config.model)}};
}

std::string plan_text(const Json& plan) {
  std::string text = plan["name"].get<std::string>() + ": " + plan["system"].get<std::string>() +
                     "\nrun folder: " + plan["output"].get<std::string>() + "\n\nparameters\n";
  char line[120];
  const auto row = [&](const std::string& indent, const std::string& name, int64_t count) {
    std::snprintf(line, sizeof line, "%s%-22s %15s\n", indent.c_str(), name.c_str(),
                  core::with_separators(count).c_str());
    text += line;
  };
  for (const auto& [name, count] : plan["parameters"].items()) {
    row("  ", name, count.get<int64_t>());
    if (name != "D") continue;
    for (const auto& [part, part_count] : plan["discriminator"].items()) {
      row("    ", part, part_count.get<int64_t>());
    }
  }
  std::snprintf(line, sizeof line,
                "\nweights, gradients, optimizer and averages: %.2f GB on every rank\n"
                "real images a step: %s\n",
                static_cast<double>(plan["state_bytes"].get<int64_t>()) / 1e9,
                core::with_separators(plan["images_per_step"].get<int64_t>()).c_str());
  text += line;
  const auto& probe = plan["probe"];
  if (probe["features"].get<int64_t>() == 0) return text;
  std::snprintf(
      line, sizeof line,
      "the evaluation's linear probe: %s features, %.1f MB a class on one rank, less on more\n",
      core::with_separators(probe["features"].get<int64_t>()).c_str(),
      static_cast<double>(probe["bytes_per_class"].get<int64_t>()) / 1e6);
  return text + line;
}

}  // namespace bbg::plan
