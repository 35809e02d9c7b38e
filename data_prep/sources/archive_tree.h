#pragma once
// Finds the images of an archive as find_images() does in the folder that it would unpack to.

#include <cstdint>
#include <string>
#include <vector>

#include "data_prep/sources/left_out.h"
#include "data_prep/sources/name_list.h"
#include "data_prep/sources/tar_index.h"

namespace bbg::data_prep {

struct ArchiveTree {
  NameList images;                    // relative to the root, in order
  std::vector<TarIndex::File> files;  // one an image
  std::vector<std::string> folders;   // sub-folders of the root in order, empty ones too
  LeftOut left_out;
};

// The root is the deepest folder that has all images and more than one sub-folder, or images: an
// archive of photos/ant/1.jpg and photos/bee/2.jpg has the classes ant and bee. Where two files
// have one name the later one counts, as it does in unpacking.
ArchiveTree find_images(TarIndex index);

}  // namespace bbg::data_prep
