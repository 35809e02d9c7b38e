#pragma once
// The options that merge and split share: both copy samples of data sets into another, as they are
// stored.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "command/option.h"
#include "data/shard_set.h"
#include "data_prep/sources/image_source.h"

namespace bbg::data_prep {

struct CopyOptions {
  std::string output;
  int64_t shards = 0, shard_mib = 1024, threads = 0, seed = 0;
  bool force = false, json = false;

  void declare(command::Options& options);
};

// Samples of `like` and of others like it, copied to options.output. The source is opened by every
// process of the job.
void copy_samples(const CopyOptions& options, const data::ShardSet& like, bool is_shuffled,
                  const std::string& input,
                  const std::function<std::unique_ptr<ImageSource>()>& open);

}  // namespace bbg::data_prep
