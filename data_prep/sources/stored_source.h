#pragma once
// Samples of data sets that data_prep made: all of one, or chosen ones of several, in any order and
// under other labels.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/shard_set.h"
#include "data_prep/sources/image_source.h"
#include "data_prep/sources/source_request.h"

namespace bbg::data_prep {

// Whether the path is a data set's folder, its manifest, or a shard of format 1.
bool looks_like_data_set(const std::string& path);

std::unique_ptr<ImageSource> open_data_set(const SourceRequest& request);

struct StoredSample {
  size_t set;     // which of the sets
  int64_t index;  // in it
  int64_t label;  // -1: none; else a place in the class names
};

// All sets have the same encoding and number of channels.
std::unique_ptr<ImageSource> make_stored_source(std::vector<data::ShardSet> sets,
                                                std::vector<StoredSample> samples,
                                                std::vector<std::string> class_names,
                                                const std::string& description);

}  // namespace bbg::data_prep
