#pragma once
// The feature networks that a run's options name.

#include <memory>

#include "core/file_system.h"
#include "extractor/extractor.h"
#include "extractor/extractor_options.h"

namespace bbg::extractor {

struct Extractors {
  std::unique_ptr<Extractor> inception, network;  // null: not named
};

// Reads their files; the content says what extractor.network is. UsageError of one line for each
// file that is not there or no such network.
Extractors open_extractors(const ExtractorOptions& options, core::FileSystem& files,
                           at::Device device);

}  // namespace bbg::extractor
