#pragma once
// The options of `data_prep shard`.

#include <cstdint>
#include <string>

#include "command/option.h"
#include "data_prep/conversion/plan.h"
#include "data_prep/conversion/recipe.h"
#include "data_prep/sources/source_request.h"

namespace bbg::data_prep {

struct ShardOptions {
  SourceRequest source;
  std::string output;
  std::string sizes, store = "raw", channels = "auto", fit = "auto", resample = "area";
  std::string alpha = "white", exif = "ignore", cmyk = "pillow";
  int64_t quality = 95;
  std::string order = "auto";
  int64_t seed = 0;
  int64_t shards = 0;  // 0: by shard_mib
  int64_t shard_mib = 1024;
  int64_t threads = 0;  // 0: those of the binding
  std::string max_bad = "0";
  bool force = false, dry_run = false, json = false;

  void declare(command::Options& options);

  // The source as it is asked for. UsageError where words contradict each other or mean nothing.
  SourceRequest request(const std::string& index_path) const;
  Recipe recipe(const ImageSource& images) const;
  PlanOptions plan(const ImageSource& images) const;
};

}  // namespace bbg::data_prep
