#pragma once
// A collection of images as a user names it: where it is, and what else is known of it.

#include <string>

namespace bbg::data_prep {

// Empty: not given.
struct SourceRequest {
  std::string input{};          // a file or a folder
  std::string format = "auto";  // a word of format_names()
  std::string labels{};         // file of labels, for inputs that have none inside
  std::string synsets{};        // file of WordNet ids that the numbers in `labels` mean
  std::string classes{};        // file of class names, one a line, in the order of their numbers
  std::string split{};          // "train" (the default) or "test"
  bool has_size = true;         // false: the images must have one size, which is taken
  std::string index_path{};     // where the index of a large tar is kept from run to run
};

}  // namespace bbg::data_prep
