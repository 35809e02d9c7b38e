#pragma once
// Images in a folder. Sub-folders are the classes, sorted by name, empty ones too; images at any
// depth below belong to the class. Images without any sub-folder have no labels.

#include <memory>

#include "data_prep/sources/image_source.h"
#include "data_prep/sources/source_request.h"

namespace bbg::data_prep {

// UsageError where there is no image, or where the root has images beside sub-folders.
std::unique_ptr<ImageSource> open_folder(const SourceRequest& request);

}  // namespace bbg::data_prep
