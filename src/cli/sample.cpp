#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "cli/codes.h"
#include "cli/commands.h"
#include "cli/run_command.h"
#include "core/draws.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/paths.h"
#include "data/shard_set.h"
#include "measure/images.h"
#include "measure/sampler.h"
#include "measure/standing.h"
#include "measure/training_neighbours.h"
#include "report/image_grid.h"
#include "report/png.h"
#include "run/opening.h"
#include "run/rows_file.h"
#include "train/step.h"

namespace bbg::cli {

namespace {

struct SampleOptions {
  std::string output;  // FILE.png: a grid; else a folder: a PNG file for each image
  RunCommandOptions run;
  int64_t count = 0;        // 0: a row of eight of each class that is asked for, else 64
  int64_t draw = 0;         // another number, other images
  int64_t label = -1;       // for conditional models; -1: a class a row in grids, drawn in files
  std::string class_names;  // the same by name, as data.shards has them; several between commas
  int64_t neighbours = 0;   // nearest training images beside each sample; 0: none
  std::string codes, save_codes;  // .npy; empty: drawn, not written
  bool averaged = true;

  void declare(command::Options& options);
};

void check(const run::RunConfig& config, const SampleOptions& options) {
  check_grid_or_folder(options.output);
  if (options.neighbours > 0 && !is_grid(options.output)) {
    throw core::UsageError("--neighbours shows a grid, and --output " + options.output + " is none",
                           "name a file that ends in .png");
  }
  if (!options.save_codes.empty()) {
    run::check_rows_path(options.save_codes, "--save-codes", 1);
    check_output_folder(options.save_codes, "--save-codes");
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
  options.add("--count", "N", &count, "number of images")
      .between(1, 100'000'000)
      .default_is("64, or a row of 8 of each --class, or 10 with --neighbours");
  options.add("--draw", "N", &draw, "another number, other images").between(0, 1'000'000);
  options.add("--label", "N", &label, "class of all images, counted from 0; of conditional models")
      .between(-1, std::numeric_limits<int32_t>::max())
      .default_is("a class a row in grids, drawn in files");
  options.add("--class", "NAME[,NAME...]", &class_names,
              "classes by name, as data.shards has them; a row each");
  options.add("--averaged", &averaged, "take the average of G");
  options
      .add("--codes", "FILE.npy", &codes,
           "codes to make images of, [images, model.z-dim], as encode and --save-codes write them")
      .default_is("drawn from the prior")
      .path();
  options.add("--save-codes", "FILE.npy", &save_codes, "also write the codes of the images")
      .default_is("not written")
      .path();
  options
      .add("--neighbours", "K", &neighbours,
           "grid of samples, each at the left of a row of its K nearest training images, by E's "
           "feature or by pixels")
      .between(1, 100)
      .default_is("a grid of samples alone");
  run.declare(options);
}

// Makes the images that are asked for, one batch after the other. Rank-local.
class Making {
 public:
  Making(const measure::Context& context, model::Generator& generator, const SampleOptions& options,
         std::vector<int64_t> classes, const at::Tensor& codes)
      : context_(context),
        generator_(generator),
        sampler_(context),
        draw_(core::sample_command_draw(options.draw)),
        is_grid_(is_grid(options.output)),
        classes_(std::move(classes)),
        codes_(codes.defined() ? codes.to(context.tensor_options) : codes) {}

  at::Tensor codes(int64_t first, int64_t count) const {
    if (codes_.defined()) return codes_.narrow(0, first, count);
    return sampler_.noise(draw_, first, count).z;
  }

  at::Tensor images(int64_t first, int64_t count) const {
    return generator_.forward(codes(first, count), labels(first, count));
  }

  core::Image grid(int64_t count) const {
    return sampler_.grid(count, [&](int64_t first, int64_t part) { return images(first, part); });
  }

 private:
  at::Tensor labels(int64_t first, int64_t count) const {
    if (!context_.setup.model.is_conditional()) return {};
    const bool is_a_row_each = is_grid_ || !classes_.empty();
    return is_a_row_each ? sampler_.class_a_row(first, count, classes_)
                         : sampler_.noise(draw_, first, count).labels;
  }

  const measure::Context& context_;
  model::Generator& generator_;
  const measure::Sampler sampler_;
  const int64_t draw_;
  const bool is_grid_;
  const std::vector<int64_t> classes_;
  const at::Tensor codes_;
};

void write_images(const measure::Context& context, const Making& making, int64_t wanted,
                  const std::string& output) {
  const auto files = core::make_posix_file_system();
  if (is_grid(output)) {
    if (context.communicator.rank() != 0) return;
    files->create_folders(core::folder_of(output));
    report::write_png(*files, output, making.grid(wanted));
    return;
  }
  files->create_folders(output);
  measure::for_each_batch(context, "samples", wanted, [&](int64_t first, int64_t count) {
    const at::Tensor images = making.images(first, count);
    for (int64_t i = 0; i < count; ++i) {
      report::write_png(*files, output + "/" + core::numbered("", first + i) + ".png",
                        measure::to_image(images[i]));
    }
  });
}

// Rows of a sample and its nearest training images.
void write_neighbours(const measure::Context& context, const measure::Subject& subject,
                      const run::DataSets& sets, const Making& making, int64_t wanted,
                      const SampleOptions& options) {
  const measure::Images images(context, sets.train, sets.test ? &*sets.test : nullptr);
  const at::Tensor samples = making.images(0, wanted);
  const std::vector<std::vector<int64_t>> nearest =
      measure::nearest_training_images(context, images, subject, samples, options.neighbours);
  if (context.communicator.rank() != 0) return;
  std::vector<core::Image> tiles;
  for (int64_t i = 0; i < wanted; ++i) {
    tiles.push_back(measure::to_image(samples[i]));
    for (const int64_t number : nearest[static_cast<size_t>(i)]) {
      const at::Tensor image = images.read(images.train(), number, 1).images;
      tiles.push_back(measure::to_image(train::shrink(image, context.setup.model.resolution)[0]));
    }
  }
  const auto files = core::make_posix_file_system();
  files->create_folders(core::folder_of(options.output));
  report::write_png(*files, options.output,
                    report::make_grid(tiles, 1 + std::ssize(nearest[0]), 2));
}

// The codes of the images, in one piece of memory.
void write_codes(const Making& making, int64_t wanted, const std::string& path) {
  const auto files = core::make_posix_file_system();
  const at::Tensor codes = making.codes(0, wanted).to(at::kCPU, at::kFloat).contiguous();
  const auto file =
      run::create_rows_file(*files, path, {.count = wanted, .arrays = {{"z", codes.size(1)}}});
  file->append({codes});
  file->finish({}, {});
}

int64_t number_wanted(const SampleOptions& options, const std::vector<int64_t>& classes,
                      const at::Tensor& codes) {
  if (options.count == 0) {
    if (codes.defined()) return codes.size(0);
    if (options.neighbours > 0) return 10;
    return classes.size() > 1 ? measure::Sampler::kColumns * std::ssize(classes) : 64;
  }
  check_count(options.count, codes, options.codes);
  return options.count;
}

void sample(Job& job, const SampleOptions& options) {
  std::vector<int64_t> classes;
  at::Tensor codes;
  int64_t wanted = 0;
  use_networks(
      job, "sample", options.run,
      [&] {
        check(job.config, options);
        classes = wanted_labels(job.config, options);
        if (!options.codes.empty()) codes = read_codes(job.config, options.codes, "codes");
        wanted = number_wanted(options, classes, codes);
      },
      [&](run::SavedRun& run) {
        const at::NoGradGuard no_grad;
        model::Generator& generator = run.subject().generator;
        if (!options.averaged) run.saved().fill(generator, "G");
        std::optional<run::DataSets> sets;
        if (options.neighbours > 0) {
          sets.emplace(run::open_sets(job.config, job.ranks()));
          run.make_statistics();
        } else {
          measure::make_standing(run.context(), generator);
        }
        run.context().progress.end();
        const Making making(run.context(), generator, options, classes, codes);
        if (sets) {
          write_neighbours(run.context(), run.subject(), *sets, making, wanted, options);
        } else {
          write_images(run.context(), making, wanted, options.output);
        }
        run.context().progress.end();
        if (!options.save_codes.empty() && run.control().rank() == 0) {
          write_codes(making, wanted, options.save_codes);
        }
        return Job::Facts{{"output", options.output}, {"images", wanted}};
      });
}

}  // namespace

command::Command sample_command(Job& job) {
  const auto options = std::make_shared<SampleOptions>();  // shared with what runs
  command::Command command{
      .name = "sample",
      .summary = "makes images from a trained run's newest checkpoint, as a grid or as files",
      .details =
          "Makes images from a trained run's newest checkpoint, as a grid or as files, from codes "
          "that are drawn or read. Alone, under mpirun or under srun, with the same images. "
          "eval.truncation narrows the prior; batch norm's statistics are made for it.",
      .examples =
          "  bbg_dist sample --config runs/mine/config.ini --output grid.png\n"
          "  bbg_dist sample --config runs/mine/config.ini --output images --count 1000 \\\n"
          "      --eval.truncation 0.5 --save-codes codes.npy",
      .reads_run = true,
      .place = command::Place::kJob};
  options->declare(command.options);
  command.run = [&job, options] { sample(job, *options); };
  return command;
}

}  // namespace bbg::cli
