#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/commands.h"
#include "core/draws.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/paths.h"
#include "data/shard_set.h"
#include "measure/sampler.h"
#include "measure/standing.h"
#include "ops/ops.h"
#include "report/png.h"
#include "run/device.h"
#include "run/saved_networks.h"

namespace bbg::cli {

namespace {

struct SampleOptions {
  std::string output;       // FILE.png: a grid; else a folder: a PNG file for each image
  std::string checkpoint;   // a folder step-NNNNNNNN; empty: the newest whole one of run.output
  int64_t count = 0;        // 0: a row of eight of each class that is asked for, else 64
  int64_t draw = 0;         // another number, other images
  int64_t label = -1;       // for conditional models; -1: a class a row in grids, drawn in files
  std::string class_names;  // the same by name, as data.shards has them; several between commas
  bool averaged = true;
  bool json = false;

  void declare(command::Options& options);
};

bool is_grid(const std::string& output) { return output.ends_with(".png"); }

void check(const run::RunConfig& config, const SampleOptions& options) {
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

void SampleOptions::declare(command::Options& options) {
  options
      .add("--output", "FILE.png|FOLDER", &output,
           "the file of a grid, or a folder for a file each")
      .required("nothing to write to: no --output given (FILE.png for a grid, or a folder)")
      .path();
  options
      .add("--checkpoint", "FOLDER|best", &checkpoint,
           "folder of one checkpoint, or the best by checkpoint.keep-best")
      .default_is("the newest whole one of run.output")
      .path();
  options.add("--count", "N", &count, "number of images")
      .between(1, 100'000'000)
      .default_is("64, or a row of 8 of each --class");
  options.add("--draw", "N", &draw, "another number, other images").between(0, 1'000'000);
  options.add("--label", "N", &label, "class of all images, counted from 0; of conditional models")
      .between(-1, std::numeric_limits<int32_t>::max())
      .default_is("a class a row in grids, drawn in files");
  options.add("--class", "NAME[,NAME...]", &class_names,
              "classes by name, as data.shards has them; a row each");
  options.add("--averaged", &averaged, "take the average of G");
  options.add_flag("--json", &json, "report as JSON");
}

// Gives {"output", "images", "step", "checkpoint"}.
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
  const auto ops = ops::make_ops(tensor_options.device());
  const auto generator = model::make_generator(config.model, {alone, *ops, tensor_options},
                                               static_cast<uint64_t>(config.run.seed));
  saved.fill(*generator, options.averaged ? "G_average" : "G");
  measure::EvaluationProgress progress;
  const measure::Context context{config.measuring(), alone, *ops, tensor_options, progress};
  measure::make_standing(context, *generator);
  const measure::Sampler sampler(context);

  const int64_t draw = core::sample_command_draw(options.draw);
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

// The same for people.
std::string sample_text(const nlohmann::ordered_json& facts) {
  return facts["output"].get<std::string>() + ": " +
         std::to_string(facts["images"].get<int64_t>()) + " image(s), step " +
         std::to_string(facts["step"].get<int64_t>()) + " of " +
         facts["checkpoint"].get<std::string>() + "\n";
}

}  // namespace

command::Command sample_command(Job& job) {
  const auto options = std::make_shared<SampleOptions>();  // shared with what runs
  command::Command command{
      .name = "sample",
      .summary = "makes images from a trained run's newest checkpoint, as a grid or as files",
      .details =
          "Makes images from a trained run's newest checkpoint, as a grid or as files. One "
          "process. eval.truncation narrows the prior; batch norm's statistics are made for "
          "it.",
      .examples =
          "  bbg_dist sample --config runs/mine/config.ini --output grid.png\n"
          "  bbg_dist sample --config runs/mine/config.ini --output images --count 1000 \\\n"
          "      --eval.truncation 0.5",
      .reads_run = true,
      .place = command::Place::kAlone};
  options->declare(command.options);
  command.run = [&job, options] {
    job.work_alone([&](comm::Communicator& alone,
                       const core::Log& log) { return sample(job.config, *options, alone, log); },
                   options->json, sample_text);
  };
  return command;
}

}  // namespace bbg::cli
