#include "run/data_sets.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "measure/images.h"

namespace bbg::run {

namespace {

using Names = std::vector<std::string>;

// data_prep gives classes that have numbers only such names.
bool are_numbers(const data::ShardSet& shards) {
  const Names& names = shards.class_names();
  if (std::ssize(names) != shards.num_classes()) return true;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] != std::to_string(i)) return false;
  }
  return true;
}

std::string counted(int64_t classes) {
  return std::to_string(classes) + (classes == 1 ? " class" : " classes");
}

std::string first_difference(const Names& train, const Names& test) {
  const size_t at = static_cast<size_t>(
      std::mismatch(train.begin(), train.end(), test.begin(), test.end()).first - train.begin());
  const auto named = [&](const Names& names) {
    return at < names.size() ? "'" + names[at] + "'" : "absent";
  };
  return "class " + std::to_string(at) + " is " + named(test) + " there, " + named(train) +
         " in training";
}

void check_images(const RunConfig& config, const data::ShardSet& shards, const std::string& path) {
  const int64_t resolution = config.model.data_resolution();
  const bool is_raw = shards.encoding() == data::Encoding::kRaw;  // others are resampled
  const auto fits = [&](int64_t side) {
    return !is_raw || (config.data.crop > 0 ? side >= resolution : side == resolution);
  };
  if (!fits(shards.height()) || !fits(shards.width()) ||
      shards.channels() != config.model.channels) {
    const std::string size =
        is_raw ? std::to_string(shards.width()) + "x" + std::to_string(shards.height())
               : "JPEG files";
    throw core::UsageError("the images of " + path + " are " + size + " with " +
                               std::to_string(shards.channels()) + " channel(s), the model's " +
                               std::to_string(resolution) + "x" + std::to_string(resolution) +
                               " with " + std::to_string(config.model.channels),
                           "set model.resolution and model.channels, or make shards with data_prep "
                           "shard --size and --channels; data.crop reads parts of larger images");
  }
}

// A conditional model learns from images that all have labels, of its number of classes.
void check_labels(const RunConfig& config, const data::ShardSet& shards) {
  const std::string& path = config.data.shards;
  if (shards.num_classes() != config.model.num_classes) {
    throw core::UsageError(
        "the images of " + path + " have " + std::to_string(shards.num_classes()) +
            " classes, model.num-classes is " + std::to_string(config.model.num_classes),
        "set model.num-classes, or model.g-condition = single to do without");
  }
  if (const auto sample = shards.first_without_label(0, shards.size())) {
    throw core::UsageError("sample " + std::to_string(*sample) + " of " + path +
                               " has no label, and with model.g-condition = class every image "
                               "needs one",
                           "label every image, or set model.g-condition = single to do without");
  }
}

}  // namespace

data::ShardSet match_classes(const data::ShardSet& train, const data::ShardSet& test,
                             const std::string& test_path, std::string& note) {
  const Names &known = train.class_names(), &names = test.class_names();
  if (train.num_classes() == 0 || test.num_classes() == 0) return test;
  if (train.num_classes() == test.num_classes() && known == names) return test;
  std::vector<int64_t> labels;
  const std::string* lacking = nullptr;
  for (const std::string& name : names) {
    const auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end() && lacking == nullptr) lacking = &name;
    labels.push_back(at - known.begin());
  }
  const bool has_names = std::ssize(names) == test.num_classes();
  if (has_names && lacking == nullptr) {
    note = "the classes of " + test_path + " are matched by name: it has " +
           counted(test.num_classes()) + ", training " + std::to_string(train.num_classes()) +
           "; " + first_difference(known, names);
    return test.relabelled(std::move(labels), known);
  }
  if (are_numbers(train) || are_numbers(test)) {
    if (train.num_classes() == test.num_classes()) {
      note = "the classes of " + test_path +
             " are matched by number, as one of the data sets has no names for them";
      return test;
    }
    throw core::UsageError(test_path + " has " + counted(test.num_classes()) +
                               (are_numbers(test) ? " without names" : "") +
                               ", the training data " + std::to_string(train.num_classes()) +
                               (are_numbers(train) ? " without names" : ""),
                           "give data.test-shards of the same classes as data.shards");
  }
  throw core::UsageError(test_path + " has the class '" + *lacking +
                             "', which the training data lacks; " + first_difference(known, names),
                         "leave that class out of data.test-shards, or give test images of the "
                         "training data's classes");
}

int64_t DataSets::held_out() const { return test ? test->size() : measure::held_out(train.size()); }

DataSets open_data_sets(const RunConfig& config) {
  DataSets sets{data::ShardSet::open(config.data.shards, config.data.verify), std::nullopt, ""};
  check_images(config, sets.train, config.data.shards);
  if (config.model.is_conditional()) check_labels(config, sets.train);
  if (!config.data.test_shards.empty()) {
    const auto test = data::ShardSet::open(config.data.test_shards, config.data.verify);
    check_images(config, test, config.data.test_shards);
    sets.test = match_classes(sets.train, test, config.data.test_shards, sets.note);
  }
  return sets;
}

}  // namespace bbg::run
