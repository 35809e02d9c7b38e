#pragma once
// Finds the images of a folder: which files are data, of which class, and what is left out.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace bbg::data_prep {

// How many of each kind: ".gif", "hidden folder", "broken link".
using LeftOut = std::map<std::string, int64_t>;
std::string left_out_text(const LeftOut& left_out);  // one line, the most frequent kinds first

struct ImageTree {
  struct Item {
    std::filesystem::path path;
    int64_t label;  // -1: none
  };
  std::vector<Item> items;
  std::vector<std::string> class_names;
  LeftOut left_out;
};

// Images are told by their ends (.jpg .jpeg .png, in any case). Sub-folders of the root are the
// classes, sorted by name, empty ones too; images at any depth below belong to the class. Hidden
// and system folders and files are left out at any depth. Links are followed, but not to a folder
// that they lie in. In any order; UsageError where the root has images beside sub-folders,
// std::filesystem::filesystem_error where a folder cannot be read.
ImageTree find_images(const std::filesystem::path& root);

}  // namespace bbg::data_prep
