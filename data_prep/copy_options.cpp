#include "data_prep/copy_options.h"

#include "core/error.h"
#include "data_prep/run_conversion.h"

namespace bbg::data_prep {

void CopyOptions::declare(command::Options& options) {
  options.add("--output", "DIR", &output, "folder for the data set; made if absent")
      .required()
      .file();
  options.add("--seed", "N", &seed, "of what is drawn").between(0, 1'000'000'000);
  options.add("--shards", "N", &shards, "number of shards; or")
      .between(1, 99'999)
      .default_is("by --shard-mib");
  options.add("--shard-mib", "N", &shard_mib, "size of a shard in MiB, about").between(1, 1 << 20);
  options.add("--threads", "N", &threads, "threads of each process")
      .between(1, 4096)
      .default_is("the cores that it is bound to");
  options.add_flag("--force", &force,
                   "replace the data set in the output folder, which stays until the new one is "
                   "whole");
  options.add_flag("--json", &json, "report as JSON");
}

void copy_samples(const CopyOptions& options, const data::ShardSet& like, bool is_shuffled,
                  const std::string& input,
                  const std::function<std::unique_ptr<ImageSource>()>& open) {
  const bool is_raw = like.encoding() == data::Encoding::kRaw;
  if (is_raw && like.height() != like.width()) {
    throw core::UsageError("the images of " + input + " are not square",
                           "make them so with data_prep shard --size");
  }
  const Recipe recipe{.store = is_raw ? Store::kRaw : Store::kOriginal,
                      .sizes = {is_raw ? like.height() : 0},
                      .decode = {.channels = like.channels()}};
  run_conversion({.input = input,
                  .output = options.output,
                  .open = [&](const std::string&) { return open(); },
                  .recipe = [&](const ImageSource&) { return recipe; },
                  .plan =
                      [&](const ImageSource&) {
                        return PlanOptions{.is_shuffled = is_shuffled,
                                           .seed = options.seed,
                                           .shards = options.shards,
                                           .shard_bytes = options.shard_mib << 20};
                      },
                  .threads = options.threads,
                  .force = options.force,
                  .json = options.json});
}

}  // namespace bbg::data_prep
