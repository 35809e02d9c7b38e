#pragma once
// Images that lie in archives and are read from there: the source behind the formats tar and
// webdataset.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data_prep/sources/class_labels.h"
#include "data_prep/sources/image_source.h"
#include "data_prep/sources/tar_index_file.h"

namespace bbg::data_prep {

struct TarImages {
  std::vector<std::unique_ptr<FileBytes>> archives;
  NameList names;
  std::vector<TarIndex::File> files;  // one a name
  ClassLabels classes;
  LeftOut left_out;
  std::string description;
};

std::unique_ptr<ImageSource> make_tar_image_source(TarImages images);

}  // namespace bbg::data_prep
