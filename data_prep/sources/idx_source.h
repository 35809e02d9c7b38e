#pragma once
// Images in the IDX format of MNIST: uint8 [n, height, width], and labels uint8 [n] in a file of
// their own; plain or gzip. Without labels there are no classes; the names of classes are numbers.

#include <memory>
#include <string>

#include "data_prep/sources/image_source.h"
#include "data_prep/sources/source_request.h"

namespace bbg::data_prep {

// UsageError for a damaged file and where the two files do not belong together.
std::unique_ptr<ImageSource> open_idx(const SourceRequest& request);

// Whether the file starts like IDX images, plain or gzip.
bool looks_like_idx(const std::string& path);

}  // namespace bbg::data_prep
