#include "extractor/open_extractor.h"

#include "extractor/torch_script.h"

namespace bbg::extractor {

Extractors open_extractors(const ExtractorOptions& options, core::FileSystem& files,
                           at::Device device) {
  Extractors extractors;
  if (!options.inception.empty()) {
    extractors.inception = load_inception(files, options.inception, device);
  }
  if (!options.network.empty()) {
    extractors.network = load_script(files, options.network,
                                     {.input = options.input(), .output = options.output}, device);
  }
  return extractors;
}

}  // namespace bbg::extractor
