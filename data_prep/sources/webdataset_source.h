#pragma once
// Images in the layout of WebDataset: tar archives in which files with one key, the path up to the
// first dot of its last part, are a sample: 0001.jpg and 0001.cls, or 0001.json with "label" or
// "cls".

#include <memory>

#include "data_prep/sources/image_source.h"
#include "data_prep/sources/source_request.h"

namespace bbg::data_prep {

// One archive, the archives of a folder, or a list with commas, in the order of their names, and in
// each as they lie. Names are "shard-0000.tar/0001.jpg". UsageError where an archive is damaged,
// where only some samples have a label, and where there are no images.
std::unique_ptr<ImageSource> open_webdataset(const SourceRequest& request);

}  // namespace bbg::data_prep
