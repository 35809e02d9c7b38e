#include "app/sample.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/device.h"
#include "app/sampler.h"
#include "app/saved_networks.h"
#include "core/error.h"
#include "core/file_system.h"
#include "report/png.h"

namespace bbg::app {

namespace {

bool is_grid(const std::string& output) { return output.ends_with(".png"); }

void check(const RunConfig& config, const SampleOptions& options) {
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

}  // namespace

void SampleOptions::take_from(std::vector<std::string>& arguments) {
  core::OptionTable table;
  table.add("sample.output", &output, "FILE.png for a grid, or a folder").path();
  table.add("sample.checkpoint", &checkpoint, "Folder of one checkpoint").path();
  table.add("sample.count", &count, "Number of images").at_least(1).at_most(100'000'000);
  table.add("sample.draw", &draw, "Another number, other images").at_least(0).at_most(1'000'000);
  table.add("sample.label", &label, "Class of all images").at_least(-1);
  table.add("sample.averaged", &averaged, "Take the average of G");
  take_own_options(table, "sample", arguments);
}

nlohmann::ordered_json sample(const RunConfig& config, const SampleOptions& options,
                              comm::Communicator& alone, const core::Log& log) {
  check(config, options);
  const auto files = core::make_posix_file_system();
  const at::TensorOptions tensor_options = take_place(config.compute, alone);

  const SavedNetworks saved = load_networks(config, options.checkpoint, "sample", *files, log);
  const auto generator = model::make_generator(
      config.model, alone, static_cast<uint64_t>(config.run.seed), tensor_options);
  saved.fill(*generator, options.averaged ? "G_average" : "G");
  const Sampler sampler(config, alone, tensor_options);
  EvaluationProgress progress;
  sampler.make_standing(*generator, progress);

  const int64_t draw = kSampleCommandDraw - options.draw;
  if (is_grid(options.output)) {
    const std::string folder = std::filesystem::path(options.output).parent_path().string();
    if (!folder.empty()) files->create_folders(folder);
    report::write_png(*files, options.output,
                      sampler.grid(*generator, draw, options.count, options.label));
  } else {
    files->create_folders(options.output);
    for (int64_t first = 0; first < options.count; first += config.evaluate.batch) {
      const int64_t count = std::min(config.evaluate.batch, options.count - first);
      const at::Tensor labels =
          options.label >= 0 ? at::full({count}, options.label, tensor_options.dtype(at::kLong))
                             : at::Tensor();
      const at::Tensor images = sampler.images(*generator, draw, first, count, labels);
      for (int64_t i = 0; i < count; ++i) {
        char name[32];
        std::snprintf(name, sizeof name, "/%08lld.png", static_cast<long long>(first + i));
        report::write_png(*files, options.output + name, to_image(images[i]));
      }
    }
  }
  return {{"output", options.output},
          {"images", options.count},
          {"step", saved.step},
          {"checkpoint", saved.path}};
}

std::string sample_text(const nlohmann::ordered_json& facts) {
  return facts["output"].get<std::string>() + ": " +
         std::to_string(facts["images"].get<int64_t>()) + " image(s), step " +
         std::to_string(facts["step"].get<int64_t>()) + " of " +
         facts["checkpoint"].get<std::string>() + "\n";
}

}  // namespace bbg::app
