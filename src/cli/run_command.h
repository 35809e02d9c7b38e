#pragma once
// The shared start of commands that use a trained run on all ranks.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/job.h"
#include "command/option.h"
#include "run/saved_run.h"

namespace bbg::cli {

// Options that all of them have.
struct RunCommandOptions {
  std::string checkpoint;  // empty: the newest
  std::string images;      // empty: the run's test images, or its training images
  std::string output;
  bool json = false;

  void declare_checkpoint(command::Options& options);
  void declare_images(command::Options& options);
  void declare_json(command::Options& options);
};

// Compares the ranks, makes `check` on all of them (no collective in it), opens the run and runs
// `work`; rank 0 then prints what it gave, as JSON or as `text` puts it.
void use_networks(Job& job, const std::string& command, const RunCommandOptions& options,
                  const std::function<void()>& check,
                  const std::function<Job::Facts(run::SavedRun& run)>& work,
                  const std::function<std::string(const Job::Facts&)>& text);
// The same, with the statistics of G and E made before the work.
void use_run(Job& job, const std::string& command, const RunCommandOptions& options,
             const std::function<void()>& check,
             const std::function<Job::Facts(run::SavedRun& run)>& work,
             const std::function<std::string(const Job::Facts&)>& text);

// "grid.png: 40 image(s), step 20 of runs/..." of the facts output, images, step, checkpoint.
std::string text_of_images(const Job::Facts& facts);

// UsageError where the folder of an output file does not exist.
void check_output_folder(const std::string& output);

}  // namespace bbg::cli
