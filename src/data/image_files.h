#pragma once
// A folder of images as they are, as a source of samples: for commands that look at images which
// were never made into shards.

#include <memory>
#include <string>
#include <vector>

#include "data/sample_source.h"

namespace bbg::data {

// JPEG, PNG and WebP files of the folder and its sub-folders, recognised by content, in the order
// of their paths; others are passed over. Names are paths within the folder; no labels. Decoded as
// grey or as RGB. UsageError: no folder, or none of its files is such an image.
std::shared_ptr<const SampleSource> open_image_files(const std::string& folder, int64_t channels);

// The files of these paths, in this order, which are their names. UsageError where one is no such
// image.
std::shared_ptr<const SampleSource> open_image_files(const std::vector<std::string>& paths,
                                                     int64_t channels);

// Whether `path` is a data set (a folder with its manifest or shards, or one file of them) and not
// a folder of images.
bool is_data_set(const std::string& path);

}  // namespace bbg::data
