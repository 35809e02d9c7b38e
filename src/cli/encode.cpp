#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/run_command.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/text.h"
#include "eval/crelu.h"
#include "measure/images.h"
#include "measure/sampler.h"
#include "run/in_order.h"
#include "run/rows_file.h"
#include "run/run_on_all_ranks.h"
#include "run/shown_images.h"

namespace bbg::cli {

namespace {

// The outputs of the published modules' `encode`.
enum class Output { kMean, kSample, kDeviation, kAverage, kBnCrelu };
constexpr core::Word<Output> kOutputs[] = {{"z_mean", Output::kMean},
                                           {"z_sample", Output::kSample},
                                           {"z_stdev", Output::kDeviation},
                                           {"avepool", Output::kAverage},
                                           {"bn_crelu", Output::kBnCrelu}};

struct EncodeOptions : RunCommandOptions {
  std::string what = "z_mean";

  std::vector<Output> outputs() const {
    std::vector<Output> wanted;
    for (const std::string& word : core::split(what, ',')) {
      const auto output = core::value_of(kOutputs, word);
      if (!output) {
        throw core::UsageError("--what " + word + ": E gives no such output",
                               "choose some of z_mean, z_sample, z_stdev, avepool, bn_crelu");
      }
      wanted.push_back(*output);
    }
    return wanted;
  }
};

void check(const run::RunConfig& config, const EncodeOptions& options) {
  const std::vector<Output> outputs = options.outputs();
  run::check_rows_path(options.output, "--output", outputs.size());
  check_output_folder(options.output);
  check_encoder(config, "encode images");
  const bool wants_deviation = std::any_of(outputs.begin(), outputs.end(), [](Output output) {
    return output == Output::kDeviation || output == Output::kSample;
  });
  if (wants_deviation && !config.model.e_stochastic) {
    throw core::UsageError("E of this run is deterministic: it has no z_stdev and no z_sample",
                           "leave them out of --what; z_mean is its code");
  }
}

// BN+CReLU by the moments of the training images' features, as far as the linear probe reads them.
eval::BnCrelu make_crelu(run::SavedRun& run) {
  const measure::Context& context = run.context();
  std::optional<data::ShardSet> train;
  run::run_on_all_ranks(run.control(), [&] {
    if (run.config().data.shards.empty()) {
      throw core::UsageError("bn_crelu needs the moments of the training images' features",
                             "give --data.shards, or leave bn_crelu out of --what");
    }
    train.emplace(data::ShardSet::open(run.config().data.shards, run.config().data.verify));
  });
  const measure::Images images(context, *train, nullptr);
  model::Encoder& encoder = *run.subject().encoder;
  const measure::Split some = images.train().at_most(context.setup.evaluate.probe_train);
  return {
      context.communicator,
      images.map(some, [&](const at::Tensor& x) { return encoder.forward(x).feature; }).features};
}

class Encoding {
 public:
  Encoding(run::SavedRun& run, const run::ShownImages& images, const EncodeOptions& options)
      : run_(run), images_(images), options_(options), outputs_(options.outputs()) {
    if (std::count(outputs_.begin(), outputs_.end(), Output::kBnCrelu) > 0) {
      crelu_.emplace(make_crelu(run));
    }
  }

  void write() {
    const auto files = core::make_posix_file_system();
    std::unique_ptr<run::RowsFile> file;
    run::map_in_order(
        run_.context(), "codes", images_.count(),
        [&](int64_t first, int64_t count) { return rows(first, count); },
        [&](const run::Rows& rows) {
          if (!file) file = run::create_rows_file(*files, options_.output, layout(rows));
          file->append(rows);
        });
    if (file) file->finish(images_.names(), images_.labels());
  }

 private:
  run::Rows rows(int64_t first, int64_t count) {
    const core::Batch batch = images_.read(run_.context(), first, count);
    const model::Code code = run_.subject().encoder->forward(batch.images);
    run::Rows rows;
    for (const Output output : outputs_) {
      const at::Tensor row = output == Output::kMean        ? code.mean
                             : output == Output::kDeviation ? code.sigma
                             : output == Output::kSample
                                 ? code.sample(measure::encoder_noise(run_.context(), first, count))
                             : output == Output::kAverage ? code.feature
                                                          : (*crelu_)(code.feature);
      rows.push_back(row.to(at::kFloat).contiguous());
    }
    return rows;
  }

  run::RowsLayout layout(const run::Rows& rows) const {
    run::RowsLayout layout{.count = images_.count(), .arrays = {}};
    for (size_t i = 0; i < rows.size(); ++i) {
      layout.arrays.emplace_back(core::word_of(kOutputs, outputs_[i]), rows[i].size(1));
    }
    return layout;
  }

  run::SavedRun& run_;
  const run::ShownImages& images_;
  const EncodeOptions& options_;
  const std::vector<Output> outputs_;
  std::optional<eval::BnCrelu> crelu_;
};

}  // namespace

command::Command encode_command(Job& job) {
  const auto options = std::make_shared<EncodeOptions>();  // shared with what runs
  command::Command command{
      .name = "encode",
      .summary = "writes the codes and features that E gives images, as .npy or .h5",
      .details =
          "Writes what E gives for images: z_mean, z_sample, z_stdev, avepool (the feature that "
          "probes read) and bn_crelu, as the published BigBiGAN modules do. Rows are in the order "
          "of the images; a .h5 file has their names and labels too. Alone, under mpirun or under "
          "srun.",
      .examples =
          "  bbg_dist encode --config runs/mine/config.ini --output codes.npy\n"
          "  mpirun -np 2 bbg_dist encode --config runs/mine/config.ini --images photos \\\n"
          "      --what z_mean,z_stdev,avepool --output photos.h5",
      .reads_run = true,
      .place = command::Place::kJob};
  command.options
      .add("--output", "FILE.npy|FILE.h5", &options->output,
           "the file: .npy for one array, .h5 for several")
      .required("nothing to write to: no --output given (FILE.npy or FILE.h5)")
      .path();
  command.options
      .add("--what", "NAME[,NAME...]", &options->what,
           "z_mean, z_sample, z_stdev, avepool, bn_crelu")
      .not_empty();
  options->declare_with_images(command.options);
  command.run = [&job, options] {
    use_images(
        job, "encode", *options, [&] { check(job.config, *options); },
        [&](run::SavedRun& run, const run::ShownImages& images) {
          Encoding(run, images, *options).write();
          return Job::Facts{{"output", options->output}, {"images", images.count()}};
        });
  };
  return command;
}

}  // namespace bbg::cli
