#pragma once
// The table of formats that images come in, and how to tell them apart.

#include <memory>
#include <string>
#include <vector>

#include "data_prep/sources/image_source.h"
#include "data_prep/sources/source_request.h"

namespace bbg::data_prep {

// "auto", and the formats.
std::vector<std::string> format_names();

// `auto` takes the one format that recognises the input. UsageError where none does, or several,
// where the request has an option that the format has no use for, and where the format refuses what
// it finds; SystemError where reading fails.
std::unique_ptr<ImageSource> open_source(const SourceRequest& request);

}  // namespace bbg::data_prep
