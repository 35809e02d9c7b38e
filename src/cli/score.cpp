#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/run_command.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/paths.h"
#include "measure/sampler.h"
#include "report/png.h"
#include "run/in_order.h"
#include "run/shown_images.h"
#include "train/step.h"

namespace bbg::cli {

namespace {

struct ScoreOptions : RunCommandOptions {
  std::string residuals;  // folder; empty: none
};

void check(const run::RunConfig& config, const ScoreOptions& options) {
  check_output_folder(options.output);
  if (!config.model.has_encoder() && !config.model.has_discriminator()) {
    throw core::UsageError("this run has neither an encoder nor a discriminator",
                           "score images with a run that has one of them");
  }
  if (!options.residuals.empty() && !config.model.has_encoder()) {
    throw core::UsageError("--residuals needs reconstructions, and this run has no encoder",
                           "leave --residuals out");
  }
}

// One column of the table: its name, and a value for each image of a batch.
using Column = std::pair<std::string, at::Tensor>;

at::Tensor length(const at::Tensor& difference) {
  return difference.flatten(1).to(at::kDouble).square().sum(1).sqrt();
}

class Scoring {
 public:
  Scoring(run::SavedRun& run, const run::ShownImages& images, const ScoreOptions& options)
      : run_(run), images_(images), options_(options), files_(core::make_posix_file_system()) {}

  void write() {
    if (!options_.residuals.empty()) files_->create_folders(options_.residuals);
    std::string text;
    int64_t next = 0;
    std::unique_ptr<core::WritableFile> file;
    run::map_in_order(
        run_.context(), "scores", images_.count(),
        [&](int64_t first, int64_t count) { return rows(first, count); },
        [&](const run::Rows& rows) {
          if (!file) file = files_->create(core::partial_path(options_.output));
          text = next == 0 ? header() : "";
          for (int64_t i = 0; i < rows[0].size(0); ++i) text += line(next++, rows[0][i]);
          file->append(std::as_bytes(std::span(text)));
        });
    if (!file) return;
    file->sync();
    file->close();
    core::publish(*files_, options_.output);
  }

 private:
  run::Rows rows(int64_t first, int64_t count) {
    const core::Batch batch = images_.read_labelled(run_.context(), first, count);
    std::vector<at::Tensor> values;
    names_.clear();
    for (auto& [name, column] : columns(batch, first)) {
      names_.push_back(name);
      values.push_back(column.to(at::kDouble));
    }
    return {at::stack(values, 1)};
  }

  std::vector<Column> columns(const core::Batch& batch, int64_t first) {
    const measure::Subject subject = run_.subject();
    const at::Tensor x = train::shrink(batch.images, run_.context().setup.model.resolution);
    const at::Tensor labels = batch.labels.to(x.device());
    std::vector<Column> columns;
    at::Tensor z, made;
    if (subject.encoder != nullptr) {
      z = subject.encoder->forward(batch.images).mean;
      made = subject.generator.forward(z, labels);
    }
    model::Discriminator* discriminator = run_.networks().nets().discriminator.get();
    if (discriminator != nullptr) {
      const core::Scores scores = discriminator->forward(x, z, labels);
      for (const auto& [name, score] :
           {Column{"s_x", scores.x}, Column{"s_z", scores.z}, Column{"s_xz", scores.xz}}) {
        if (score.defined()) columns.emplace_back(name, score.flatten());
      }
    }
    if (!made.defined()) return columns;
    columns.emplace_back("pixel_error", length(x - made));
    if (discriminator != nullptr) {
      columns.emplace_back("feature_error",
                           length(discriminator->feature(x) - discriminator->feature(made)));
    }
    if (!options_.residuals.empty()) write_residuals(x - made, first);
    return columns;
  }

  // |x - G(E(x))|, black where they are equal.
  void write_residuals(const at::Tensor& difference, int64_t first) {
    const at::Tensor shown = difference.abs() - 1;
    for (int64_t i = 0; i < shown.size(0); ++i) {
      report::write_png(*files_, options_.residuals + "/" + core::numbered("", first + i) + ".png",
                        measure::to_image(shown[i]));
    }
  }

  std::string header() const {
    std::string text = "image,name";
    for (const std::string& name : names_) text += "," + name;
    return text + "\n";
  }

  std::string line(int64_t image, const at::Tensor& values) const {
    std::string text = std::to_string(image) + "," + quoted(images_.name(image));
    for (int64_t i = 0; i < values.size(0); ++i) {
      char number[32];
      std::snprintf(number, sizeof number, ",%.9g", values[i].item<double>());
      text += number;
    }
    return text + "\n";
  }

  // RFC 4180.
  static std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string result = "\"";
    for (const char letter : text)
      result += letter == '"' ? std::string("\"\"") : std::string(1, letter);
    return result + "\"";
  }

  run::SavedRun& run_;
  const run::ShownImages& images_;
  const ScoreOptions& options_;
  const std::unique_ptr<core::FileSystem> files_;
  std::vector<std::string> names_;  // the columns'
};

}  // namespace

command::Command score_command(Job& job) {
  const auto options = std::make_shared<ScoreOptions>();  // shared with what runs
  command::Command command{
      .name = "score",
      .summary = "writes D's scores of images and their reconstruction errors, as a CSV table",
      .details =
          "Writes a row for each image: D's scores of the pair (x, E(x)), as far as the system has "
          "them (s_x, s_z, s_xz; high: taken for real), the distance of x to G(E(x)) in pixels "
          "(pixel_error) and in D's features (feature_error). Large errors and low scores mark "
          "images unlike the training images. Alone, under mpirun or under srun.",
      .examples =
          "  bbg_dist score --config runs/mine/config.ini --images parts --output scores.csv \\\n"
          "      --residuals residuals",
      .reads_run = true,
      .place = command::Place::kJob};
  command.options.add("--output", "FILE.csv", &options->output, "the table")
      .required("nothing to write to: no --output given (FILE.csv)")
      .path();
  command.options
      .add("--residuals", "FOLDER", &options->residuals,
           "also an image |x - G(E(x))| each, numbered as in the table")
      .path();
  options->declare_with_images(command.options);
  command.run = [&job, options] {
    use_images(
        job, "score", *options, [&] { check(job.config, *options); },
        [&](run::SavedRun& run, const run::ShownImages& images) {
          Scoring(run, images, *options).write();
          return Job::Facts{{"output", options->output}, {"images", images.count()}};
        });
  };
  return command;
}

}  // namespace bbg::cli
