#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "data/sample_plan.h"
#include "data_prep/commands.h"
#include "data_prep/copy_options.h"
#include "data_prep/sources/stored_source.h"

namespace bbg::data_prep {

namespace {

struct SplitOptions {
  std::string input, classes, rest;
  int64_t per_class = 0, count = 0;
  CopyOptions copy;
};

// All numbers below `count`, in the random order of a seed.
std::vector<int64_t> shuffled(int64_t count, int64_t seed) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  if (count == 0) return order;
  const data::SamplePlan plan(static_cast<uint64_t>(seed), count, 1);
  for (int64_t i = 0; i < count; ++i) order[static_cast<size_t>(i)] = plan.permuted(0, i);
  return order;
}

// Which classes are taken, by their stored numbers, in ascending order.
std::vector<int64_t> chosen_classes(const data::ShardSet& set, const SplitOptions& options) {
  std::vector<int64_t> chosen;
  const std::vector<std::string>& names = set.class_names();
  int64_t number = 0;
  const auto [end, error] = std::from_chars(
      options.classes.data(), options.classes.data() + options.classes.size(), number);
  if (options.classes.empty()) {
    chosen.resize(names.size());
    std::iota(chosen.begin(), chosen.end(), 0);
  } else if (error == std::errc() && end == options.classes.data() + options.classes.size()) {
    if (number < 1 || number > std::ssize(names)) {
      throw core::UsageError("--classes = " + options.classes + ", and " + options.input + " has " +
                                 std::to_string(names.size()),
                             "");
    }
    chosen = shuffled(std::ssize(names), options.copy.seed);
    chosen.resize(static_cast<size_t>(number));
  } else {
    std::ifstream file(options.classes);
    if (!file) {
      throw core::UsageError("--classes = " + options.classes + " is neither a number nor a file",
                             "name a file of class names, one a line");
    }
    for (std::string line; std::getline(file, line);) {
      if (line.empty()) continue;
      const auto at = std::find(names.begin(), names.end(), line);
      if (at == names.end()) {
        throw core::UsageError(
            options.input + " has no class '" + line + "', which " + options.classes + " names",
            "data_prep info lists the classes");
      }
      chosen.push_back(at - names.begin());
    }
  }
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

// Samples for the output and, among those of the taken classes, the others. In the set's order.
struct Parts {
  std::vector<StoredSample> taken, rest;
  std::vector<std::string> class_names;
};

Parts divide(const data::ShardSet& set, const SplitOptions& options) {
  const std::vector<int64_t> classes = chosen_classes(set, options);
  std::vector<int64_t> number(set.class_names().size(), -1);
  Parts parts;
  for (const int64_t label : classes) {
    number[static_cast<size_t>(label)] = std::ssize(parts.class_names);
    parts.class_names.push_back(set.class_names()[static_cast<size_t>(label)]);
  }
  std::vector<int64_t> of_class(classes.size());
  int64_t taken = 0;
  for (const int64_t index : shuffled(set.size(), options.copy.seed)) {
    const int64_t stored = set.label(index);
    const int64_t label = stored < 0 ? -1 : number[static_cast<size_t>(stored)];
    if (label < 0 && !options.classes.empty()) continue;
    const bool is_full = (options.count > 0 && taken == options.count) ||
                         (options.per_class > 0 &&
                          (label < 0 || of_class[static_cast<size_t>(label)] == options.per_class));
    (is_full ? parts.rest : parts.taken).push_back({0, index, label});
    if (is_full) continue;
    ++taken;
    if (label >= 0) ++of_class[static_cast<size_t>(label)];
  }
  for (auto* part : {&parts.taken, &parts.rest}) {
    std::sort(part->begin(), part->end(),
              [](const StoredSample& a, const StoredSample& b) { return a.index < b.index; });
  }
  return parts;
}

void write_part(const SplitOptions& options, const data::ShardSet& set, const std::string& output,
                const std::vector<StoredSample>& samples, const Parts& parts) {
  if (samples.empty()) {
    throw core::UsageError("no image is left for " + output, "ask for another split");
  }
  CopyOptions copy = options.copy;
  copy.output = output;
  copy_samples(copy, set, false, options.input, [&] {
    return make_stored_source({set}, samples, parts.class_names, set.source_text() + ", a part");
  });
}

void run_split(const SplitOptions& options) {
  const data::ShardSet set = data::ShardSet::open(options.input);
  const Parts parts = divide(set, options);
  write_part(options, set, options.copy.output, parts.taken, parts);
  if (!options.rest.empty()) write_part(options, set, options.rest, parts.rest, parts);
}

}  // namespace

command::Command split_command() {
  const auto options = std::make_shared<SplitOptions>();  // shared with what runs
  command::Command command{
      .name = "split",
      .summary = "makes a data set of some images of another",
      .details =
          "Makes a data set of some images of another: of some classes, of some images of "
          "each class, of some images; which, is drawn by --seed. --rest takes what is left.",
      .examples =
          "  data_prep split --input imagenet/128 --classes 100 --output imagenet100\n"
          "  data_prep split --input imagenet/128 --per-class 13 --output one-percent\n"
          "  data_prep split --input imagenet/128 --count 10000 --output train-val \\\n"
          "      --rest train"};
  command.options.add("--input", "DIR", &options->input, "folder of a data set").required().file();
  command.options
      .add("--classes", "N|FILE", &options->classes,
           "that many classes, or those that a file names, a line each; they are numbered anew")
      .not_empty();
  command.options.add("--per-class", "N", &options->per_class, "images of each class")
      .between(1, 1'000'000'000)
      .default_is("all");
  command.options.add("--count", "N", &options->count, "images in all")
      .between(1, 1'000'000'000'000)
      .default_is("all");
  command.options.add("--rest", "DIR", &options->rest, "folder for the images that are not taken")
      .not_empty()
      .file();
  options->copy.declare(command.options);
  command.run = [options] { run_split(*options); };
  return command;
}

}  // namespace bbg::data_prep
