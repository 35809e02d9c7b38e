#include "cli/run_command.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "core/error.h"
#include "core/file_system.h"
#include "core/paths.h"
#include "core/standard_output.h"
#include "run/compare_ranks.h"
#include "run/run_on_all_ranks.h"

namespace bbg::cli {

namespace {

std::string text_of(const Job::Facts& facts) {
  return facts["output"].get<std::string>() + ": " +
         std::to_string(facts["images"].get<int64_t>()) + " image(s), step " +
         std::to_string(facts["step"].get<int64_t>()) + " of " +
         facts["checkpoint"].get<std::string>() + "\n";
}

}  // namespace

void RunCommandOptions::declare(command::Options& options) {
  options
      .add("--checkpoint", "FOLDER|best", &checkpoint,
           "folder of one checkpoint, or the best by checkpoint.keep-best")
      .default_is("the newest whole one of run.output")
      .path();
  options.add_flag("--json", &json, "report as JSON");
}

void RunCommandOptions::declare_with_images(command::Options& options) {
  options
      .add("--images", "PATH", &images,
           "a data set that data_prep made, or a folder of JPEG, PNG or WebP files")
      .default_is("data.test-shards, else data.shards")
      .path();
  declare(options);
}

bool is_grid(const std::string& output) { return output.ends_with(".png"); }

void check_grid_or_folder(const std::string& output) {
  std::error_code unknown;
  if (is_grid(output) || !std::filesystem::is_regular_file(output, unknown)) return;
  throw core::UsageError("--output " + output + " is a file, and not a .png",
                         "name a file that ends in .png for a grid, or a folder");
}

void check_output_folder(const std::string& output, const std::string& option) {
  const std::string folder = core::folder_of(output);
  if (core::make_posix_file_system()->exists(folder)) return;
  throw core::UsageError("the folder of " + option + " " + output + " does not exist",
                         "make the folder " + folder + ", or choose another file");
}

void check_encoder(const run::RunConfig& config, const std::string& work) {
  if (config.model.has_encoder()) return;
  throw core::UsageError(
      "model.system = " + core::word_of(model::kSystems, config.model.system) + " has no encoder",
      work + " with a run that has one");
}

core::Log begin_on_ranks(Job& job, const std::function<void()>& check) {
  run::compare_ranks(job.ranks(), run::facts_of_start(job.config, BBG_VERSION));
  run::run_on_all_ranks(job.ranks(), check);
  job.say_note(job.log());
  job.use_config();
  return job.log();
}

void use_networks(Job& job, const std::string& command, const RunCommandOptions& options,
                  const std::function<void()>& check, const Work& work) {
  const core::Log log = begin_on_ranks(job, check);
  run::SavedRun run(job.config, options.checkpoint, command, job.ranks(), log);
  Job::Facts facts = work(run);
  facts["step"] = run.saved().step;
  facts["checkpoint"] = run.saved().path;
  if (job.ranks().rank() != 0) return;
  core::print(options.json ? facts.dump(2) + "\n" : text_of(facts));
  core::flush_standard_output();
}

void use_run(Job& job, const std::string& command, const RunCommandOptions& options,
             const std::function<void()>& check, const Work& work) {
  use_networks(job, command, options, check, [&](run::SavedRun& run) {
    run.make_statistics();
    return work(run);
  });
}

void use_images(
    Job& job, const std::string& command, const RunCommandOptions& options,
    const std::function<void()>& check,
    const std::function<Job::Facts(run::SavedRun& run, const run::ShownImages& images)>& work) {
  std::optional<run::ShownImages> images;
  use_run(
      job, command, options,
      [&] {
        check();
        images.emplace(job.config, options.images);
      },
      [&](run::SavedRun& run) { return work(run, *images); });
}

}  // namespace bbg::cli
