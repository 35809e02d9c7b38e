#include <ATen/core/grad_mode.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <unordered_map>

#include "checkpoint/safetensors.h"
#include "cli/commands.h"
#include "cli/run_command.h"
#include "core/draws.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/paths.h"
#include "core/rng.h"
#include "data/shard_set.h"
#include "feed/read_samples.h"
#include "ops/ops.h"
#include "ops/spectral_norm.h"
#include "run/device.h"
#include "run/saved_networks.h"
#include "run/saved_statistics.h"
#include "train/step.h"

namespace bbg::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "bbg_dist export";
constexpr const char* kFormatVersion = "1";
constexpr int64_t kExamples = 4;

struct ExportOptions {
  std::string output;      // the file
  std::string checkpoint;  // a folder step-NNNNNNNN; empty: the newest whole one of run.output
  std::string networks;    // words of G, E, D; empty: G, and E where the system has one
  bool averaged = true;    // D has no average
  bool with_example = false;
  bool json = false;

  void declare(command::Options& options);
};

void check_output(const std::string& output) {
  check_output_folder(output);
  std::error_code unknown;
  if (std::filesystem::is_directory(output, unknown)) {
    throw core::UsageError("--output " + output + " is a folder", "name a file in it");
  }
}

// Names of the networks to write, in the order G, E, D.
std::vector<std::string> chosen_networks(const std::string& text,
                                         const model::ModelOptions& model) {
  std::set<std::string> chosen;
  std::istringstream words(text.empty() ? (model.has_encoder() ? "G E" : "G") : text);
  for (std::string word; words >> word;) {
    if (word != "G" && word != "E" && word != "D") {
      throw core::UsageError("--networks '" + text + "': there is no network '" + word + "'",
                             "name some of G, E and D, with spaces between");
    }
    if (word == "E" && !model.has_encoder()) {
      throw core::UsageError("--networks '" + text + "': model.system = " +
                                 core::word_of(model::kSystems, model.system) + " has no encoder",
                             "leave E out");
    }
    if (word == "D" && !model.has_discriminator()) {
      throw core::UsageError("--networks '" + text + "': model.system = " +
                                 core::word_of(model::kSystems, model.system) +
                                 " has no discriminator",
                             "leave D out");
    }
    chosen.insert(word);
  }
  std::vector<std::string> names;
  for (const char* name : {"G", "E", "D"}) {
    if (chosen.count(name) > 0) names.push_back(name);
  }
  return names;
}

struct Networks {
  std::unique_ptr<model::Generator> generator;
  std::unique_ptr<model::Encoder> encoder;
  std::unique_ptr<model::Discriminator> discriminator;

  // name -> network of those that are there, in the order G, E, D
  std::vector<std::pair<std::string, nn::Network*>> all() const {
    std::vector<std::pair<std::string, nn::Network*>> present;
    if (generator) present.emplace_back("G", generator.get());
    if (encoder) present.emplace_back("E", encoder.get());
    if (discriminator) present.emplace_back("D", discriminator.get());
    return present;
  }
};

Networks make_networks(const run::RunConfig& config, const std::vector<std::string>& names,
                       const nn::Backend& backend) {
  const auto seed = static_cast<uint64_t>(config.run.seed);
  Networks nets;
  for (const std::string& name : names) {
    if (name == "G") {
      nets.generator = model::make_generator(config.model, backend, seed);
    } else if (name == "E") {
      nets.encoder = std::make_unique<model::Encoder>(config.model, backend, seed);
    } else {
      nets.discriminator = std::make_unique<model::Discriminator>(config.model, backend, seed);
    }
  }
  return nets;
}

bool is_power_vector(const std::string& name) { return name.ends_with(".u"); }

// Parameters with spectral norm divided out, then running statistics.
void append_effective(const nn::Network& network, const std::string& prefix, double sn_eps,
                      core::StateDict& state) {
  const at::NoGradGuard no_grad;
  std::unordered_map<std::string, at::Tensor> power_vectors;  // by the name of their weight
  for (const nn::NamedTensor& buffer : network.store().buffers()) {
    if (!is_power_vector(buffer.name)) continue;
    power_vectors[buffer.name.substr(0, buffer.name.size() - 1) + "weight"] = buffer.tensor;
  }
  for (const nn::NamedTensor& parameter : network.store().parameters()) {
    const auto u = power_vectors.find(parameter.name);
    state.tensors.emplace_back(
        prefix + "." + parameter.name,
        u == power_vectors.end() ? parameter.tensor
                                 : ops::spectral_norm(parameter.tensor, u->second, sn_eps).weight);
  }
  for (const nn::NamedTensor& buffer : network.store().buffers()) {
    if (is_power_vector(buffer.name)) continue;
    state.tensors.emplace_back(prefix + "." + buffer.name, buffer.tensor);
  }
}

// [kExamples, C, S, S] in [-1, 1]: the first images of the data, or noise.
at::Tensor example_images(const run::RunConfig& config, const run::RunData& data) {
  if (data.train && data.train->size() >= kExamples) {
    return feed::read_range(*data.train, 0, kExamples, config.model.data_resolution(),
                            config.data.on_corrupt)
        .images;
  }
  const int64_t side = config.model.data_resolution();
  at::Tensor images = at::empty({kExamples, config.model.channels, side, side}, at::kDouble);
  core::RandomStream stream(static_cast<uint64_t>(config.run.seed), core::Purpose::kEvaluate,
                            static_cast<uint64_t>(core::kExampleDraw), 0);
  stream.fill_normal(std::span(images.data_ptr<double>(), static_cast<size_t>(images.numel())));
  return images.tanh();
}

// Inputs, and what the networks make of them.
void append_example(const run::RunConfig& config, const Networks& nets, const run::RunData& data,
                    at::TensorOptions tensor_options, core::StateDict& state) {
  const at::NoGradGuard no_grad;
  const auto add = [&](const std::string& name, const at::Tensor& tensor) {
    if (tensor.defined()) state.tensors.emplace_back("example." + name, tensor);
  };
  if (nets.generator) {
    const train::Noise noise =
        train::make_noise(static_cast<uint64_t>(config.run.seed), core::kExampleDraw,
                          {0, kExamples}, config.model, tensor_options);
    add("z", noise.z);
    add("labels", noise.labels);
    add("G", nets.generator->forward(noise.z, noise.labels));
  }
  if (nets.encoder) {
    const at::Tensor images = example_images(config, data).to(tensor_options);
    const model::Code code = nets.encoder->forward(images);
    add("x", images);
    add("E", code.mean);
    add("E_sigma", code.sigma);
    add("E_feature", code.feature);
  }
}

void ExportOptions::declare(command::Options& options) {
  options.add("--output", "FILE.safetensors", &output, "the file that is written")
      .required("nothing to write to: no --output given (FILE.safetensors)")
      .path();
  options
      .add("--checkpoint", "FOLDER|best", &checkpoint,
           "folder of one checkpoint, or the best by checkpoint.keep-best")
      .default_is("the newest whole one of run.output")
      .path();
  options.add("--networks", "'G E D'", &networks, "which, with spaces between")
      .default_is("G, and E where the system has one");
  options.add("--averaged", &averaged, "take the averages of G and E; D has none");
  options.add("--with-example", &with_example, "add inputs and what comes out of them");
  options.add_flag("--json", &json, "report as JSON");
}

// Writes the file, whole or not at all; `alone` has one rank. Gives {"output", "bytes", "step",
// "checkpoint", "networks": {"G": parameters, ...}, "weights", "statistics"}.
Json export_networks(const run::RunConfig& config, const ExportOptions& options,
                     comm::Communicator& alone, const core::Log& log) {
  const auto files = core::make_posix_file_system();
  check_output(options.output);
  const std::vector<std::string> names = chosen_networks(options.networks, config.model);
  const at::TensorOptions tensor_options = run::take_place(config.compute, alone);
  const auto ops = ops::make_ops(tensor_options.device());
  const nn::Backend backend{alone, *ops, tensor_options};

  const run::SavedNetworks saved =
      run::load_networks(config, options.checkpoint, "export", *files, log);
  const Networks nets = make_networks(config, names, backend);
  for (const auto& [name, network] : nets.all()) {
    saved.fill(*network, name + (options.averaged && name != "D" ? "_average" : ""));
  }
  const run::RunData data = run::open_data_of(config, saved);
  measure::EvaluationProgress progress;
  const measure::Context context{config.measuring(), alone, *ops, tensor_options, progress};
  const std::string statistics =
      run::make_statistics(context, nets.generator.get(), nets.encoder.get(), data, log);

  core::StateDict state;
  Json parameters = Json::object();
  std::string network_names;
  for (const auto& [name, network] : nets.all()) {
    append_effective(*network, name, config.model.sn_eps, state);
    parameters[name] = network->num_parameters();
    network_names += (network_names.empty() ? "" : " ") + name;
  }
  if (options.with_example) append_example(config, nets, data, tensor_options, state);
  const auto trained_with = saved.text.find("config");
  const std::string weights = options.averaged ? "averaged (D: as trained)" : "as trained";
  state.text = {
      {"format", kFormat},
      {"format_version", kFormatVersion},
      {"version", BBG_VERSION},
      {"config", trained_with != saved.text.end() ? trained_with->second : config.table.ini_text()},
      {"step", std::to_string(saved.step)},
      {"networks", network_names},
      {"weights", weights},
      {"statistics", statistics}};

  const checkpoint::WrittenFile written =
      checkpoint::write_safetensors(*files, core::partial_path(options.output), state);
  core::publish(*files, options.output);
  return {{"output", options.output}, {"bytes", written.bytes}, {"step", saved.step},
          {"checkpoint", saved.path}, {"networks", parameters}, {"weights", weights},
          {"statistics", statistics}};
}

// The same for people.
std::string export_text(const Json& facts) {
  std::string text = facts["output"].get<std::string>() + ": step " +
                     std::to_string(facts["step"].get<int64_t>()) + " of " +
                     facts["checkpoint"].get<std::string>() + "\n";
  for (const auto& [name, count] : facts["networks"].items()) {
    text += "  " + name + ": " + std::to_string(count.get<int64_t>()) + " parameters\n";
  }
  return text + "  weights: " + facts["weights"].get<std::string>() +
         "\n  statistics of batch norm: " + facts["statistics"].get<std::string>() + "\n";
}

}  // namespace

command::Command export_command(Job& job) {
  const auto options = std::make_shared<ExportOptions>();  // shared with what runs
  command::Command command{
      .name = "export",
      .summary =
          "writes G and E of a trained run's newest checkpoint into one file for other "
          "programs",
      .details =
          "Writes networks of a checkpoint into one safetensors file for other programs. "
          "Weights are as they act, spectral norm divided out, and bear the checkpoint's "
          "names. One process. docs/load_in_python.md shows how to use the file.",
      .examples =
          "  bbg_dist export --config runs/mine/config.ini --output mine.safetensors\n"
          "  bbg_dist export --config runs/mine/config.ini --output all.safetensors \\\n"
          "      --networks 'G E D' --with-example true",
      .reads_run = true,
      .place = command::Place::kAlone};
  options->declare(command.options);
  command.run = [&job, options] {
    job.work_alone(
        [&](comm::Communicator& alone, const core::Log& log) {
          return export_networks(job.config, *options, alone, log);
        },
        options->json, export_text);
  };
  return command;
}

}  // namespace bbg::cli
