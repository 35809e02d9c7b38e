#include "cli/sample.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/error.h"
#include "core/file_system.h"
#include "core/paths.h"
#include "data/shard_reader.h"
#include "measure/sampler.h"
#include "measure/standing.h"
#include "report/png.h"
#include "run/device.h"
#include "run/saved_networks.h"

namespace bbg::cli {

namespace {

bool is_grid(const std::string& output) { return output.ends_with(".png"); }

void check(const run::RunConfig& config, const SampleOptions& options) {
  if (options.output.empty()) {
    throw core::UsageError("nothing to write to: no --output given",
                           "bbg_dist sample --config FILE --output FILE.png (a grid) or FOLDER");
  }
  std::error_code unknown;
  if (!is_grid(options.output) && std::filesystem::is_regular_file(options.output, unknown)) {
    throw core::UsageError("--output " + options.output + " is a file, and not a .png",
                           "name a file that ends in .png for a grid, or a folder");
  }
  if (options.label >= 0 &&
      (!config.model.is_conditional() || options.label >= config.model.num_classes)) {
    throw core::UsageError(
        "--label " + std::to_string(options.label) + ": the model has " +
            (config.model.is_conditional() ? std::to_string(config.model.num_classes)
                                           : std::string("no")) +
            " classes",
        config.model.is_conditional() ? "count classes from 0" : "leave --label out");
  }
}

// The classes that are asked for; empty: none in particular.
std::vector<int64_t> wanted_labels(const run::RunConfig& config, const SampleOptions& options) {
  if (options.label >= 0) return {options.label};
  std::vector<int64_t> labels;
  if (options.class_names.empty()) return labels;
  if (!config.model.is_conditional()) {
    throw core::UsageError("--class " + options.class_names + ": the model has no classes",
                           "leave --class out");
  }
  const auto known = data::ShardSet::open(config.data.shards).class_names();
  std::istringstream names(options.class_names);
  for (std::string name; std::getline(names, name, ',');) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
      throw core::UsageError("--class " + name + ": " + config.data.shards + " has no such class",
                             "data_prep info " + config.data.shards + " lists them");
    }
    labels.push_back(found - known.begin());
  }
  return labels;
}

}  // namespace

void SampleOptions::take_from(std::vector<std::string>& arguments) {
  core::OptionTable table;
  table.add("sample.output", &output, "FILE.png for a grid, or a folder").path();
  table.add("sample.checkpoint", &checkpoint, "Folder of one checkpoint, or best").path();
  table.add("sample.count", &count, "Number of images").at_least(1).at_most(100'000'000);
  table.add("sample.draw", &draw, "Another number, other images").at_least(0).at_most(1'000'000);
  table.add("sample.label", &label, "Class of all images").at_least(-1);
  table.add("sample.class", &class_names, "Names of classes, a row each");
  table.add("sample.averaged", &averaged, "Take the average of G");
  run::take_own_options(table, "sample", arguments);
}

nlohmann::ordered_json sample(const run::RunConfig& config, const SampleOptions& options,
                              comm::Communicator& alone, const core::Log& log) {
  check(config, options);
  const std::vector<int64_t> classes = wanted_labels(config, options);
  const int64_t wanted =
      options.count > 0
          ? options.count
          : (classes.size() > 1 ? measure::Sampler::kColumns * std::ssize(classes) : 64);
  const auto files = core::make_posix_file_system();
  const at::TensorOptions tensor_options = run::take_place(config.compute, alone);

  const run::SavedNetworks saved =
      run::load_networks(config, options.checkpoint, "sample", *files, log);
  const auto generator = model::make_generator(
      config.model, alone, static_cast<uint64_t>(config.run.seed), tensor_options);
  saved.fill(*generator, options.averaged ? "G_average" : "G");
  measure::EvaluationProgress progress;
  const measure::Context context{config.measuring(), alone, tensor_options, progress};
  measure::make_standing(context, *generator);
  const measure::Sampler sampler(context);

  const int64_t draw = measure::kSampleCommandDraw - options.draw;
  if (is_grid(options.output)) {
    files->create_folders(core::folder_of(options.output));
    report::write_png(*files, options.output, sampler.grid(*generator, draw, wanted, classes));
  } else {
    files->create_folders(options.output);
    for (int64_t first = 0; first < wanted; first += config.evaluate.batch) {
      const int64_t count = std::min(config.evaluate.batch, wanted - first);
      const at::Tensor labels =
          classes.empty() ? at::Tensor() : sampler.class_a_row(first, count, classes);
      const at::Tensor images = sampler.images(*generator, draw, first, count, labels);
      for (int64_t i = 0; i < count; ++i) {
        const std::string name = core::numbered("", first + i) + ".png";
        report::write_png(*files, options.output + "/" + name, measure::to_image(images[i]));
      }
    }
  }
  return {{"output", options.output},
          {"images", wanted},
          {"step", saved.step},
          {"checkpoint", saved.path}};
}

std::string sample_text(const nlohmann::ordered_json& facts) {
  return facts["output"].get<std::string>() + ": " +
         std::to_string(facts["images"].get<int64_t>()) + " image(s), step " +
         std::to_string(facts["step"].get<int64_t>()) + " of " +
         facts["checkpoint"].get<std::string>() + "\n";
}

}  // namespace bbg::cli
