#include "data_prep/sources/label_numbers.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "data_prep/sources/label_file.h"

namespace bbg::data_prep {

namespace {

std::optional<int64_t> number_in(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::string first_word(const std::string& text) {
  return text.substr(0, text.find_first_of(" \t"));
}

// Line i is the WordNet id of ILSVRC2012_ID i, counted from 1.
std::vector<std::string> read_synsets(const std::string& path) {
  std::vector<std::string> synsets = read_lines(path);
  for (std::string& synset : synsets) synset = first_word(synset);
  // In the challenge's own order 1 is n02119789. A list in order is most likely that of the
  // classes.
  if (synsets.size() == 1000 && std::is_sorted(synsets.begin(), synsets.end())) {
    throw core::UsageError(path +
                               " is in the order of WordNet ids, which is not that of "
                               "ILSVRC2012_ID, where 1 is n02119789",
                           "name the list of the devkit, as map_clsloc.txt or from meta.mat");
  }
  return synsets;
}

}  // namespace

ClassNumbers::ClassNumbers(std::vector<std::string> names, std::string file)
    : names_(std::move(names)), file_(std::move(file)) {
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto number = static_cast<int32_t>(i);
    const bool is_new = !names_[i].empty() && numbers_.emplace(names_[i], number).second;
    if (is_new) continue;
    throw core::UsageError(
        file_ + ", line " + std::to_string(i + 1) + ": " +
            (names_[i].empty() ? "it is empty" : core::printable(names_[i]) + " comes again"),
        "each line is the name of a class");
  }
  std::unordered_map<std::string, int32_t> words;
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto [word, is_new] = words.emplace(first_word(names_[i]), static_cast<int32_t>(i));
    if (!is_new) word->second = -1;
  }
  for (const auto& [word, number] : words) {
    if (number >= 0) numbers_.emplace(word, number);
  }
}

int32_t ClassNumbers::of_name(std::string_view name, const std::string& origin) const {
  const auto found = numbers_.find(std::string(name));
  if (found != numbers_.end()) return found->second;
  throw core::UsageError(
      file_ + " has no class " + core::printable(std::string(name)) + ", which " + origin + " has",
      "add it to the file, or name the file of these classes");
}

int32_t ClassNumbers::of_text(std::string_view text, const std::string& origin) const {
  const std::optional<int64_t> number = number_in(text);
  if (!number || numbers_.contains(std::string(text))) return of_name(text, origin);
  if (*number < static_cast<int64_t>(names_.size())) return static_cast<int32_t>(*number);
  throw core::UsageError(origin + " has the label " + std::string(text) + ", and " + file_ +
                             " has the classes 0 to " + std::to_string(names_.size() - 1),
                         "name the file of all its classes");
}

bool are_numbers(const NameList& texts) {
  for (size_t i = 0; i < texts.size(); ++i) {
    if (!number_in(texts[i])) return false;
  }
  return true;
}

ClassLabels keep_numbers(const NameList& texts, const NameList& all, const std::string& origin) {
  int64_t highest = -1;
  for (size_t i = 0; i < all.size(); ++i) {
    highest = std::max(highest, number_in(all[i]).value_or(0));
  }
  if (highest >= kMostClasses) {
    throw core::UsageError(origin + " has the label " + std::to_string(highest) +
                               "; numbers of classes end at " +
                               core::with_separators(kMostClasses - 1),
                           "number the classes from 0 without gaps, or give them names");
  }
  ClassLabels classes;
  for (size_t i = 0; i < texts.size(); ++i) {
    classes.labels.push_back(static_cast<int32_t>(number_in(texts[i]).value_or(0)));
  }
  for (int64_t i = 0; i <= highest; ++i) classes.class_names.push_back(std::to_string(i));
  return classes;
}

ClassLabels number_names(const NameList& texts, const NameList& all) {
  std::set<std::string, std::less<>> names;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!names.contains(all[i])) names.emplace(all[i]);
  }
  ClassLabels classes{.labels = {}, .class_names = {names.begin(), names.end()}};
  std::map<std::string_view, int32_t> numbers;
  for (const std::string& name : classes.class_names) {
    numbers.emplace(name, static_cast<int32_t>(numbers.size()));
  }
  for (size_t i = 0; i < texts.size(); ++i) classes.labels.push_back(numbers.at(texts[i]));
  return classes;
}

ClassLabels number_synsets(const NameList& texts, const SourceRequest& request,
                           const std::string& origin) {
  const std::vector<std::string> synsets = read_synsets(request.synsets);
  std::vector<std::string> names = synsets;
  std::sort(names.begin(), names.end());
  if (!request.classes.empty()) names = read_lines(request.classes);
  const ClassNumbers numbers(names, request.classes.empty() ? request.synsets : request.classes);
  ClassLabels classes{.labels = {}, .class_names = std::move(names)};
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::optional<int64_t> id = number_in(texts[i]);
    if (id && (*id < 1 || *id > static_cast<int64_t>(synsets.size()))) {
      throw core::UsageError(origin + " has the label " + std::string(texts[i]) + ", and " +
                                 request.synsets + " has the lines 1 to " +
                                 std::to_string(synsets.size()),
                             "name the list of all ids, in the order of their numbers");
    }
    classes.labels.push_back(
        numbers.of_name(id ? synsets[static_cast<size_t>(*id - 1)] : texts[i], origin));
  }
  return classes;
}

}  // namespace bbg::data_prep
