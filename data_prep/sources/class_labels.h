#pragma once
// The classes of images that are files: by sub-folder, or by a file of labels.

#include <cstdint>
#include <string>
#include <vector>

#include "data_prep/sources/name_list.h"
#include "data_prep/sources/source_request.h"

namespace bbg::data_prep {

struct ClassLabels {
  std::vector<int32_t> labels;  // of each image; empty: there are none
  std::vector<std::string> class_names;
};

// `images` are in order; `folders` are the sub-folders of the root in order, empty ones too. An
// empty class keeps its number: training and test folders may differ in what they hold.
ClassLabels label_images(const NameList& images, const std::vector<std::string>& folders,
                         const SourceRequest& request);

}  // namespace bbg::data_prep
