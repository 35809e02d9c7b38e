#include "data_prep/sources/class_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "core/error.h"
#include "core/text.h"

namespace bbg::data_prep {

namespace {

constexpr std::array<std::string_view, 9> kSplits = {
    "train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval"};

bool is_named_like_a_split(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kSplits.begin(), kSplits.end(), name) != kSplits.end();
}

}  // namespace

void check_class_names(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string shown = core::printable(name);
    if (shown != name) {
      throw core::UsageError("the class name '" + shown + "' has a control character",
                             "rename that folder, or that line of the file of names");
    }
  }
}

std::vector<std::string> names_of_splits(const std::vector<std::string>& names) {
  std::vector<std::string> splits;
  std::copy_if(names.begin(), names.end(), std::back_inserter(splits), is_named_like_a_split);
  if (splits.size() < 2 && 2 * splits.size() < names.size()) splits.clear();
  return splits;
}

}  // namespace bbg::data_prep
