#include <ATen/core/grad_mode.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/codes.h"
#include "cli/commands.h"
#include "cli/run_command.h"
#include "core/draws.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/paths.h"
#include "eval/foreground_mask.h"
#include "image/codec/colour.h"
#include "measure/grids.h"
#include "measure/images.h"
#include "measure/sampler.h"
#include "measure/standing.h"
#include "report/png.h"

namespace bbg::cli {

namespace {

struct ShiftOptions : RunCommandOptions {
  std::string direction, codes;
  std::string rule = core::word_of(eval::kMaskRules, eval::MaskRule::kBrighter);
  double amount = 1;
  int64_t row = 0, count = 0, draw = 0;  // count 0: 16 in a grid, else all codes, or 64
};

// Codes and direction as given; codes undefined: drawn.
struct Given {
  at::Tensor codes, direction;
  int64_t count = 0;
};

Given read_given(const run::RunConfig& config, const ShiftOptions& options) {
  check_grid_or_folder(options.output);
  if (is_grid(options.output)) check_output_folder(options.output);
  Given given;
  const at::Tensor directions = read_codes(config, options.direction, "directions");
  if (options.row >= directions.size(0)) {
    throw core::UsageError("--row " + std::to_string(options.row) + ": " + options.direction +
                               " has " + std::to_string(directions.size(0)) + " direction(s)",
                           "count rows from 0");
  }
  given.direction = directions[options.row];
  if (!options.codes.empty()) given.codes = read_codes(config, options.codes, "codes");
  given.count = options.count;
  if (options.count == 0) given.count = is_grid(options.output) ? 16 : 64;
  if (!given.codes.defined()) return given;
  const int64_t all = given.codes.size(0);
  check_count(options.count, given.codes, options.codes);
  if (options.count == 0) given.count = is_grid(options.output) ? std::min(given.count, all) : all;
  return given;
}

// Images of codes, of the moved codes, and the masks: three images each.
struct Moved {
  std::vector<core::Image> images, moved, masks;
};

// Images `first` to first + count. Rank-local.
Moved move(const run::SavedRun& run, const Given& given, const ShiftOptions& options, int64_t first,
           int64_t count) {
  const measure::Context& context = run.context();
  const train::Noise drawn =
      measure::Sampler(context).noise(core::sample_command_draw(options.draw), first, count);
  const at::Tensor codes = given.codes.defined()
                               ? given.codes.narrow(0, first, count).to(context.tensor_options)
                               : drawn.z;
  const at::Tensor step = (given.direction * options.amount).to(context.tensor_options);
  model::Generator& generator = run.subject().generator;
  const at::Tensor images = generator.forward(codes, drawn.labels);
  const at::Tensor moved = generator.forward(codes + step, drawn.labels);
  const at::Tensor masks =
      eval::foreground_mask(images, moved, *core::value_of(eval::kMaskRules, options.rule));
  // As an image of one channel, white on the object.
  const at::Tensor shown = masks.to(images.scalar_type()).mul(2).sub(1).unsqueeze(1);
  Moved result;
  for (int64_t i = 0; i < count; ++i) {
    result.images.push_back(measure::to_image(images[i]));
    result.moved.push_back(measure::to_image(moved[i]));
    result.masks.push_back(measure::to_image(shown[i]));
  }
  return result;
}

core::Image grid(const run::SavedRun& run, const Given& given, const ShiftOptions& options) {
  Moved all;
  const int64_t batch = run.config().evaluate.batch;
  for (int64_t first = 0; first < given.count; first += batch) {
    Moved part = move(run, given, options, first, std::min(batch, given.count - first));
    for (size_t i = 0; i < part.images.size(); ++i) {
      const int64_t channels = part.images[i].channels;
      all.images.push_back(std::move(part.images[i]));
      all.moved.push_back(std::move(part.moved[i]));
      all.masks.push_back(image::with_channels(std::move(part.masks[i]), channels));
    }
  }
  return measure::bands_grid({all.images, all.moved, all.masks});
}

void write_folders(const run::SavedRun& run, const Given& given, const ShiftOptions& options) {
  const auto files = core::make_posix_file_system();
  for (const char* part : {"/images", "/moved", "/masks"}) {
    files->create_folders(options.output + part);
  }
  measure::for_each_batch(run.context(), "pairs", given.count, [&](int64_t first, int64_t count) {
    const Moved part = move(run, given, options, first, count);
    for (int64_t i = 0; i < count; ++i) {
      const auto at = static_cast<size_t>(i);
      const std::string name = "/" + core::numbered("", first + i) + ".png";
      report::write_png(*files, options.output + "/images" + name, part.images[at]);
      report::write_png(*files, options.output + "/moved" + name, part.moved[at]);
      report::write_png(*files, options.output + "/masks" + name, part.masks[at]);
    }
  });
}

void declare(ShiftOptions& options, command::Options& table) {
  table
      .add("--direction", "FILE.npy", &options.direction,
           "what is added to codes: [model.z-dim], or a direction a row")
      .required()
      .path();
  table.add("--row", "N", &options.row, "the direction's row").between(0, 1'000'000);
  table.add("--amount", "X", &options.amount, "how often the direction is added");
  table
      .add("--codes", "FILE.npy", &options.codes,
           "codes to move, [images, model.z-dim], as encode and sample --save-codes write them")
      .default_is("drawn from the prior")
      .path();
  table.add("--count", "N", &options.count, "number of images")
      .between(1, 100'000'000)
      .default_is("16 in a grid, else all codes, or 64 drawn ones");
  table.add("--draw", "N", &options.draw, "another number, other codes").between(0, 1'000'000);
  table
      .add("--mask", "RULE", &options.rule,
           "white where the moved image is brighter: than the first, or than its own mean")
      .one_of({"brighter", "mean"});
  table
      .add("--output", "FILE.png|FOLDER", &options.output,
           "the file of a grid, or a folder for images, moved and masks")
      .required("nothing to write to: no --output given (FILE.png for a grid, or a folder)")
      .path();
  options.declare(table);
}

}  // namespace

command::Command shift_command(Job& job) {
  const auto options = std::make_shared<ShiftOptions>();  // shared with what runs
  command::Command command{
      .name = "shift",
      .summary = "moves codes along a direction: images before and after, and masks",
      .details =
          "Makes images of codes and of the same codes moved along a direction, and masks from "
          "each pair (Voynov et al. 2021: a direction that darkens the background segments "
          "objects). As a grid, in which each row of images stands above the moved ones and the "
          "masks, or as three folders. Alone, under mpirun or under srun, with the same images.",
      .examples =
          "  bbg_dist shift --config runs/mine/config.ini --direction dark.npy --output rows.png\n"
          "  bbg_dist shift --config runs/mine/config.ini --direction dark.npy --amount 2 \\\n"
          "      --codes z.npy --output segmented",
      .reads_run = true,
      .place = command::Place::kJob};
  declare(*options, command.options);
  command.run = [&job, options] {
    Given given;
    use_networks(
        job, "shift", *options, [&] { given = read_given(job.config, *options); },
        [&](run::SavedRun& run) {
          const at::NoGradGuard no_grad;
          measure::make_standing(run.context(), run.subject().generator);
          if (!is_grid(options->output)) {
            write_folders(run, given, *options);
          } else if (run.control().rank() == 0) {
            report::write_png(*core::make_posix_file_system(), options->output,
                              grid(run, given, *options));
          }
          run.context().progress.end();
          return Job::Facts{{"output", options->output}, {"images", given.count}};
        });
  };
  return command;
}

}  // namespace bbg::cli
