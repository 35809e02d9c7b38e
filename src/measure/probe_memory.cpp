#include "measure/probe_memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "core/error.h"
#include "eval/probe.h"
#include "measure/features.h"

namespace bbg::measure {

int64_t probe_width(const Setup& setup, const model::Nets& nets) {
  const eval::EvaluateOptions& options = setup.evaluate;
  int64_t width = 0;
  switch (options.network) {
    case eval::FeatureNetwork::kEncoder:
      if (nets.encoder) width = nets.encoder->feature_width();
      break;
    case eval::FeatureNetwork::kDiscriminator:
      if (nets.discriminator) width = nets.discriminator->feature_width();
      break;
  }
  if (width == 0) return 0;
  if (options.feature == eval::Feature::kBnCrelu) width *= 2;
  const int64_t side = std::min(setup.model.data_resolution(), kPixelSide);
  return options.measures_pixels() ? std::max(width, setup.model.channels * side * side) : width;
}

int64_t host_memory_bytes() {
  int64_t bytes = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  std::ifstream limit("/sys/fs/cgroup/memory.max");  // "max" without a limit
  if (int64_t most = 0; limit >> most) bytes = std::min(bytes, most);
  return bytes;
}

void check_probe_memory(int64_t width, int64_t num_classes, int ranks, int local_ranks,
                        int64_t host_bytes) {
  const int64_t bytes = eval::probe_bytes(width, num_classes, ranks);
  if (bytes <= host_bytes / local_ranks) return;
  char text[200];
  std::snprintf(text, sizeof text,
                "the linear probe of %lld features and %lld classes takes %.1f GB on each of %d "
                "rank(s) of a host with %.1f GB",
                static_cast<long long>(width), static_cast<long long>(num_classes),
                static_cast<double>(bytes) / 1e9, local_ranks,
                static_cast<double>(host_bytes) / 1e9);
  throw core::UsageError(text,
                         "start fewer ranks a host, or shorten the features: eval.feature = "
                         "average, or eval.baselines without pixels");
}

}  // namespace bbg::measure
