#pragma once
// The data of a run: opened and held against the model and each other before any work.

#include <optional>
#include <string>

#include "data/shard_set.h"
#include "run/run_config.h"

namespace bbg::run {

struct DataSets {
  data::ShardSet train;
  std::optional<data::ShardSet> test;  // data.test-shards, with the numbers of training's classes
  std::string note;  // how its classes were matched, for people; empty: they are equal

  // Number of test images: those of `test`, else the last of `train` (measure::held_out()).
  int64_t held_out() const;
};

// UsageError where the images do not fit the model, or the test images' classes training's. No
// collective.
DataSets open_data_sets(const RunConfig& config);

// `test` with the numbers that its classes have in `train`: by name, or, where one of the two has
// numbers for names, by number if they have equally many. `note` gets a line where the two differ.
// UsageError that names a class of `test` that `train` lacks. Sets without classes stay as they
// are.
data::ShardSet match_classes(const data::ShardSet& train, const data::ShardSet& test,
                             const std::string& test_path, std::string& note);

}  // namespace bbg::run
