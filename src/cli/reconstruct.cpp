#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/run_command.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/paths.h"
#include "measure/grids.h"
#include "measure/images.h"
#include "measure/sampler.h"
#include "report/png.h"
#include "run/shown_images.h"
#include "train/step.h"

namespace bbg::cli {

namespace {

struct ReconstructOptions : RunCommandOptions {
  int64_t count = 0;  // 0: 40 in a grid, else all
};

constexpr int64_t kGridImages = 40;

void check(const run::RunConfig& config, const ReconstructOptions& options) {
  check_encoder(config, "reconstruct");
  check_grid_or_folder(options.output);
  if (is_grid(options.output)) check_output_folder(options.output);
}

// Images at G's resolution, and G(E(x)) of them.
struct Pairs {
  at::Tensor real, made;
};

Pairs reconstruct(const run::SavedRun& run, const run::ShownImages& images, int64_t first,
                  int64_t count) {
  const measure::Context& context = run.context();
  const core::Batch batch = images.read_labelled(context, first, count);
  return {train::shrink(batch.images, context.setup.model.resolution),
          measure::reconstruct(run.subject(), batch)};
}

core::Image grid(const run::SavedRun& run, const run::ShownImages& images, int64_t count) {
  std::vector<core::Image> real, made;
  const int64_t batch = run.config().evaluate.batch;
  for (int64_t first = 0; first < count; first += batch) {
    const Pairs pairs = reconstruct(run, images, first, std::min(batch, count - first));
    for (int64_t i = 0; i < pairs.made.size(0); ++i) {
      real.push_back(measure::to_image(pairs.real[i]));
      made.push_back(measure::to_image(pairs.made[i]));
    }
  }
  return measure::bands_grid({real, made});
}

void write_files(const run::SavedRun& run, const run::ShownImages& images, int64_t count,
                 const std::string& folder) {
  const auto files = core::make_posix_file_system();
  files->create_folders(folder);
  measure::for_each_batch(
      run.context(), "reconstructions", count, [&](int64_t first, int64_t piece) {
        const at::Tensor made = reconstruct(run, images, first, piece).made;
        for (int64_t i = 0; i < piece; ++i) {
          report::write_png(*files, folder + "/" + core::numbered("", first + i) + ".png",
                            measure::to_image(made[i]));
        }
      });
}

Job::Facts work(const run::SavedRun& run, const run::ShownImages& images,
                const ReconstructOptions& options) {
  const at::NoGradGuard no_grad;
  const int64_t wanted = options.count > 0         ? options.count
                         : is_grid(options.output) ? kGridImages
                                                   : images.count();
  const int64_t count = std::min(wanted, images.count());
  if (!is_grid(options.output)) {
    write_files(run, images, count, options.output);
  } else if (run.control().rank() == 0) {
    const auto files = core::make_posix_file_system();
    report::write_png(*files, options.output, grid(run, images, count));
  }
  return {{"output", options.output}, {"images", count}};
}

}  // namespace

command::Command reconstruct_command(Job& job) {
  const auto options = std::make_shared<ReconstructOptions>();  // shared with what runs
  command::Command command{
      .name = "reconstruct",
      .summary = "shows what G makes of the codes of images, G(E(x)), as a grid or as files",
      .details =
          "Makes G(E(x)) of images, with E's mean as code: a grid in which each row of images "
          "stands above its reconstructions, or a file each, numbered in the order of the images. "
          "Alone, under mpirun or under srun.",
      .examples =
          "  bbg_dist reconstruct --config runs/mine/config.ini --output pairs.png\n"
          "  bbg_dist reconstruct --config runs/mine/config.ini --images photos --output made",
      .reads_run = true,
      .place = command::Place::kJob};
  command.options
      .add("--output", "FILE.png|FOLDER", &options->output,
           "the file of a grid, or a folder for a file each")
      .required("nothing to write to: no --output given (FILE.png for a grid, or a folder)")
      .path();
  command.options.add("--count", "N", &options->count, "the first images")
      .between(1, 100'000'000)
      .default_is("40 in a grid, else all");
  options->declare_with_images(command.options);
  command.run = [&job, options] {
    use_images(
        job, "reconstruct", *options, [&] { check(job.config, *options); },
        [&](run::SavedRun& run, const run::ShownImages& images) {
          return work(run, images, *options);
        });
  };
  return command;
}

}  // namespace bbg::cli
