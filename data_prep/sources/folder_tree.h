#pragma once
// Finds the images of a folder: which files are data, and what is left out.

#include <string>
#include <vector>

#include "data_prep/sources/left_out.h"
#include "data_prep/sources/name_list.h"

namespace bbg::data_prep {

struct FolderTree {
  NameList images;                   // relative to the root, in order
  std::vector<std::string> folders;  // sub-folders of the root in order, empty ones too
  LeftOut left_out;
};

// Images are told by their ends (kind_of_file()), at any depth. Hidden and system folders and files
// are left out. Links are followed, but not to a folder that they lie in. SystemError where a
// folder cannot be read.
FolderTree find_images(const std::string& root);

}  // namespace bbg::data_prep
