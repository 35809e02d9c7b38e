#include <cstdio>
#include <filesystem>
#include <memory>

#include "core/text.h"
#include "data_prep/commands.h"
#include "data_prep/run_conversion.h"
#include "data_prep/shard_options.h"
#include "data_prep/sources/class_names.h"
#include "data_prep/sources/open_source.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

// A folder above the folders train and val, which became classes.
void warn_of_splits(const ShardOptions& options, const std::vector<std::string>& class_names) {
  const std::vector<std::string> splits = names_of_splits(class_names);
  if (splits.empty()) return;
  std::fprintf(
      stderr,
      "warning: %s in %s are named like parts of a data set, and became classes\n"
      "  hint: for one part: data_prep shard --input '%s' --output '%s' %s\n",
      core::join(splits, ", ").c_str(), options.source.input.c_str(),
      (fs::path(options.source.input) / splits.front()).c_str(),
      (fs::path(options.output) / splits.front()).c_str(),
      (options.sizes.empty() ? "--store " + options.store : "--size " + options.sizes).c_str());
}

void run_shard(const ShardOptions& options) {
  run_conversion(
      {.input = options.source.input,
       .output = options.output,
       .open =
           [&](const std::string& index_path) { return open_source(options.request(index_path)); },
       .recipe = [&](const ImageSource& images) { return options.recipe(images); },
       .plan = [&](const ImageSource& images) { return options.plan(images); },
       .when_opened =
           [&](const ImageSource& images) { warn_of_splits(options, images.class_names()); },
       .threads = options.threads,
       .max_bad = options.max_bad,
       .force = options.force,
       .dry_run = options.dry_run,
       .json = options.json});
}

}  // namespace

command::Command shard_command() {
  const auto options = std::make_shared<ShardOptions>();  // shared with what runs
  command::Command command{
      .name = "shard",
      .summary = "converts images to a data set of shards",
      .details =
          "Converts images to shards that bbg_dist trains from. Under mpirun or srun the "
          "processes share the shards. Interrupted, it goes on when it is started again: "
          "shards that are whole are kept. The data set appears when all of it is there.",
      .examples =
          "  data_prep shard --input photos --size 128 --output shards/train\n"
          "  data_prep shard --input ILSVRC2012_img_train.tar --size 128,256 --output imagenet\n"
          "  data_prep shard --input photos --store original --output shards/originals\n"
          "  data_prep shard --input train-images-idx3-ubyte.gz --labels "
          "train-labels-idx1-ubyte.gz \\\n"
          "      --size 32 --output shards/mnist"};
  options->declare(command.options);
  command.run = [options] { run_shard(*options); };
  return command;
}

}  // namespace bbg::data_prep
