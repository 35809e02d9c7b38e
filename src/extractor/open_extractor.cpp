#include "extractor/open_extractor.h"

#include <fstream>

#include "extractor/dinov2.h"
#include "extractor/torch_script.h"

namespace bbg::extractor {

namespace {

// Its header's length, eight bytes, is followed by the header: JSON. Archives begin otherwise.
bool is_safetensors(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char head[9] = {};
  return file.read(head, sizeof head) && head[8] == '{';
}

}  // namespace

Extractors open_extractors(const ExtractorOptions& options, core::FileSystem& files,
                           at::Device device) {
  Extractors extractors;
  if (!options.inception.empty()) {
    extractors.inception = load_inception(files, options.inception, device);
  }
  if (!options.network.empty()) {
    extractors.network =
        is_safetensors(options.network)
            ? load_dinov2(files, options.network, device)
            : load_script(files, options.network,
                          {.input = options.input(), .output = options.output}, device);
  }
  return extractors;
}

}  // namespace bbg::extractor
