#pragma once
// The shared start of commands that use a trained run on all ranks.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/job.h"
#include "command/option.h"
#include "core/log.h"
#include "run/saved_run.h"
#include "run/shown_images.h"

namespace bbg::cli {

// Options that all of them have.
struct RunCommandOptions {
  std::string checkpoint;  // empty: the newest
  std::string images;      // empty: the run's test images, or its training images
  std::string output;
  bool json = false;

  // --checkpoint and --json.
  void declare(command::Options& options);
  // --images, and these.
  void declare_with_images(command::Options& options);
};

// Compares the ranks, makes `check` on all of them (no collective in it) and takes the job's
// options; the log of what follows.
core::Log begin_on_ranks(Job& job, const std::function<void()>& check);

// Begins, opens the run and runs `work`, which gives the facts output and images; rank 0 then
// prints them, with step and checkpoint, as JSON or as a line: "grid.png: 40 image(s), step 20 of
// runs/...".
using Work = std::function<Job::Facts(run::SavedRun& run)>;
void use_networks(Job& job, const std::string& command, const RunCommandOptions& options,
                  const std::function<void()>& check, const Work& work);
// The same, with the statistics of G and E made before the work.
void use_run(Job& job, const std::string& command, const RunCommandOptions& options,
             const std::function<void()>& check, const Work& work);
// The same over the images that options name, which are opened beside the check.
void use_images(
    Job& job, const std::string& command, const RunCommandOptions& options,
    const std::function<void()>& check,
    const std::function<Job::Facts(run::SavedRun& run, const run::ShownImages& images)>& work);

// Whether images go to one file, FILE.png, as a grid; else they go to a folder, a file each.
bool is_grid(const std::string& output);
// UsageError where the folder of images is a file.
void check_grid_or_folder(const std::string& output);
// UsageError where the folder of an output file does not exist; `option` named the file.
void check_output_folder(const std::string& output, const std::string& option = "--output");
// UsageError where the system has no encoder; `work` is what then cannot be done: "encode images".
void check_encoder(const run::RunConfig& config, const std::string& work);

}  // namespace bbg::cli
