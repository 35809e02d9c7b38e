#pragma once
// Names of classes that are most likely a mistake.

#include <string>
#include <vector>

namespace bbg::data_prep {

// UsageError for a name with a control character: it would break the lines of everything that
// prints it.
void check_class_names(const std::vector<std::string>& names);

// Those named like parts of a data set (train, val), where they are several or at least half of
// all: then the folder above the classes was probably meant to be one part. One class among many
// may well be called train.
std::vector<std::string> names_of_splits(const std::vector<std::string>& names);

}  // namespace bbg::data_prep
