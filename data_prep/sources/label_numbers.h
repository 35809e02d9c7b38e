#pragma once
// Texts of labels become the numbers of classes. The ways behind number_labels().

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data_prep/sources/class_labels.h"

namespace bbg::data_prep {

// Classes of a file, by name and by number.
class ClassNumbers {
 public:
  // A class may be named by its line or by its first word ("n01440764 tench"), where no other has
  // that. UsageError where two lines are equal, or one is empty. `file` is for messages.
  ClassNumbers(std::vector<std::string> names, std::string file);

  const std::vector<std::string>& names() const { return names_; }
  int32_t of_name(std::string_view name, const std::string& origin) const;  // UsageError: none
  int32_t of_text(std::string_view text, const std::string& origin) const;  // or its number from 0

 private:
  std::vector<std::string> names_;
  std::string file_;
  std::unordered_map<std::string, int32_t> numbers_;  // -1: the first word of several
};

// Whether all are whole numbers from 0.
bool are_numbers(const NameList& texts);

// The number is the class. UsageError where that makes more classes than anyone has.
ClassLabels keep_numbers(const NameList& texts, const NameList& all, const std::string& origin);

// Each text of all is a class, in their order.
ClassLabels number_names(const NameList& texts, const NameList& all);

// See number_labels(). The request has a file of synsets.
ClassLabels number_synsets(const NameList& texts, const SourceRequest& request,
                           const std::string& origin);

}  // namespace bbg::data_prep
