#pragma once
// Images in a tar archive that is not unpacked: of class folders, of one archive a class
// (ImageNet's training set), or of images alone (ImageNet's validation set, with a file of labels).
// Several archives, as a folder or as a list, are a class each.

#include <memory>

#include "data_prep/sources/image_source.h"
#include "data_prep/sources/source_request.h"

namespace bbg::data_prep {

// Names, labels and order are those of the unpacked folder. UsageError where an archive is
// truncated, damaged, compressed or without images.
std::unique_ptr<ImageSource> open_tar(const SourceRequest& request);

}  // namespace bbg::data_prep
