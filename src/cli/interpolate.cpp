#include <ATen/core/grad_mode.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/run_command.h"
#include "core/error.h"
#include "core/file_system.h"
#include "measure/sampler.h"
#include "report/image_grid.h"
#include "report/png.h"
#include "run/shown_images.h"
#include "train/step.h"

namespace bbg::cli {

namespace {

struct InterpolateOptions : RunCommandOptions {
  std::string from, to;
  int64_t steps = 8, label = 0;
  bool is_spherical = false;
};

void check(const run::RunConfig& config, const InterpolateOptions& options) {
  check_output_folder(options.output);
  if (!options.output.ends_with(".png")) {
    throw core::UsageError("--output " + options.output + " does not end in .png",
                           "name a .png file");
  }
  check_encoder(config, "interpolate");
  if (config.model.is_conditional() && options.label >= config.model.num_classes) {
    throw core::UsageError("--label " + std::to_string(options.label) + ": the model has " +
                               std::to_string(config.model.num_classes) + " classes",
                           "count classes from 0");
  }
}

// [steps, z_dim] from a to b, both [z_dim]: along a line, or along the arc between their directions
// with the length between theirs (Shoemake 1985).
at::Tensor codes_between(const at::Tensor& a, const at::Tensor& b, int64_t steps,
                         bool is_spherical) {
  const at::Tensor t = at::linspace(0, 1, steps, a.options()).unsqueeze(1);
  if (!is_spherical) return a + (b - a) * t;
  const at::Tensor a_length = a.norm(), b_length = b.norm();
  const double cosine = (a / a_length).dot(b / b_length).item<double>();
  const double angle = std::acos(std::min(1.0, std::max(-1.0, cosine)));
  if (angle < 1e-4) return a + (b - a) * t;  // the arc is as good as straight
  const at::Tensor direction =
      (at::sin((1 - t) * angle) * (a / a_length) + at::sin(t * angle) * (b / b_length)) /
      std::sin(angle);
  return direction * (a_length + (b_length - a_length) * t);
}

// The two images at the ends, and between them the images of the codes. Rank-local.
core::Image row(const run::SavedRun& run, const run::ShownImages& ends,
                const InterpolateOptions& options) {
  const at::NoGradGuard no_grad;
  const measure::Context& context = run.context();
  const at::Tensor images = ends.read(context, 0, 2).images;
  const at::Tensor codes = run.subject().encoder->forward(images).mean;
  const at::Tensor between = codes_between(codes[0], codes[1], options.steps, options.is_spherical);
  const at::Tensor labels =
      at::full({options.steps}, options.label, context.tensor_options.dtype(at::kLong));
  const at::Tensor made = run.subject().generator.forward(between, labels);
  const at::Tensor shown = train::shrink(images, context.setup.model.resolution);
  std::vector<core::Image> tiles = {measure::to_image(shown[0])};
  for (int64_t i = 0; i < made.size(0); ++i) tiles.push_back(measure::to_image(made[i]));
  tiles.push_back(measure::to_image(shown[1]));
  return report::make_grid(tiles, std::ssize(tiles), 2);
}

void declare(InterpolateOptions& options, command::Options& table) {
  table.add("--from", "FILE", &options.from, "the image at the left end").required().path();
  table.add("--to", "FILE", &options.to, "the image at the right end").required().path();
  table.add("--output", "FILE.png", &options.output, "the file of the row of images")
      .required("nothing to write to: no --output given (FILE.png)")
      .path();
  table.add("--steps", "N", &options.steps, "images between, both ends' codes included")
      .between(2, 1000);
  table.add_flag("--spherical", &options.is_spherical,
                 "along the arc between the codes, as a normal prior's samples lie near a sphere");
  table.add("--label", "N", &options.label, "class of the images, of conditional models")
      .between(0, 1'000'000);
  options.declare(table);
}

}  // namespace

command::Command interpolate_command(Job& job) {
  const auto options = std::make_shared<InterpolateOptions>();  // shared with what runs
  command::Command command{
      .name = "interpolate",
      .summary = "shows the images of the codes between those of two images, as a row",
      .details =
          "Encodes two images and shows what G makes of the codes between theirs, in a row whose "
          "ends are the two images themselves.",
      .examples =
          "  bbg_dist interpolate --config runs/mine/config.ini --from a.png --to b.png \\\n"
          "      --output row.png",
      .reads_run = true,
      .place = command::Place::kJob};
  declare(*options, command.options);
  command.run = [&job, options] {
    std::optional<run::ShownImages> ends;
    use_run(
        job, "interpolate", *options,
        [&] {
          check(job.config, *options);
          ends.emplace(job.config, std::vector{options->from, options->to});
        },
        [&](run::SavedRun& run) {
          if (run.control().rank() == 0) {
            report::write_png(*core::make_posix_file_system(), options->output,
                              row(run, *ends, *options));
          }
          return Job::Facts{{"output", options->output}, {"images", options->steps}};
        });
  };
  return command;
}

}  // namespace bbg::cli
