#include <algorithm>
#include <memory>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data_prep/commands.h"
#include "data_prep/copy_options.h"
#include "data_prep/sources/stored_source.h"

namespace bbg::data_prep {

namespace {

struct MergeOptions {
  std::string inputs;
  CopyOptions copy;
};

std::vector<data::ShardSet> open_all(const std::string& inputs) {
  std::vector<data::ShardSet> sets;
  std::istringstream parts(inputs);
  for (std::string part; std::getline(parts, part, ',');) {
    sets.push_back(data::ShardSet::open(part));
  }
  const data::ShardSet& first = sets.front();
  for (const data::ShardSet& set : sets) {
    if (set.height() == first.height() && set.width() == first.width()) continue;
    throw core::UsageError("the images of " + inputs + " differ in size",
                           "make them alike with data_prep shard --size first");
  }
  return sets;
}

// Classes are one where their names are.
std::unique_ptr<ImageSource> merged(const std::string& inputs) {
  std::vector<data::ShardSet> sets = open_all(inputs);
  std::vector<std::string> names;
  std::vector<StoredSample> samples;
  for (size_t i = 0; i < sets.size(); ++i) {
    std::vector<int64_t> labels;
    for (const std::string& name : sets[i].class_names()) {
      const auto known = std::find(names.begin(), names.end(), name);
      labels.push_back(known - names.begin());
      if (known == names.end()) names.push_back(name);
    }
    for (int64_t index = 0; index < sets[i].size(); ++index) {
      const int64_t label = sets[i].label(index);
      samples.push_back({i, index, label < 0 ? label : labels[static_cast<size_t>(label)]});
    }
  }
  std::vector<std::string> sources;
  for (const data::ShardSet& set : sets) sources.push_back(set.source_text());
  return make_stored_source(std::move(sets), std::move(samples), std::move(names),
                            core::join(sources, " and "));
}

void run_merge(const MergeOptions& options) {
  const std::vector<data::ShardSet> sets = open_all(options.inputs);
  copy_samples(options.copy, sets.front(), true, options.inputs,
               [&] { return merged(options.inputs); });
}

}  // namespace

command::Command merge_command() {
  const auto options = std::make_shared<MergeOptions>();  // shared with what runs
  command::Command command{
      .name = "merge",
      .summary = "makes one data set of several",
      .details =
          "Makes one data set of several, in a new random order. Classes of the same name "
          "become one.",
      .examples = "  data_prep merge --inputs shards/a,shards/b --output shards/both"};
  command.options
      .add("--inputs", "DIR,DIR", &options->inputs, "folders of data sets of the same kind")
      .required()
      .not_empty();
  options->copy.declare(command.options);
  command.run = [options] { run_merge(*options); };
  return command;
}

}  // namespace bbg::data_prep
