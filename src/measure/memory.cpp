#include "measure/memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "core/error.h"
#include "measure/features.h"

namespace bbg::measure {

namespace {

// The rows of the rank that has most.
int64_t rows_of_rank(int64_t rows, int ranks) { return (rows + ranks - 1) / ranks; }

int64_t float_bytes(int64_t rows, int64_t width) {
  return rows * width * static_cast<int64_t>(sizeof(float));
}

std::string gigabytes(int64_t bytes) {
  char text[40];
  std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

[[noreturn]] void refuse(const std::string& what, int64_t bytes, const std::string& where) {
  throw core::UsageError(
      what + " takes at least " + gigabytes(bytes) + " " + where,
      "start fewer ranks a host, or measure less: eval.probe-train, eval.linear-views, "
      "eval.baselines without pixels, eval.feature = average; or name other measures with bbg_dist "
      "evaluate --measures");
}

}  // namespace

int64_t feature_width(const Setup& setup, const model::Nets& nets) {
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
  return options.feature == eval::Feature::kBnCrelu ? 2 * width : width;
}

int64_t longest_feature_width(const Setup& setup, const model::Nets& nets) {
  const int64_t width = feature_width(setup, nets);
  if (width == 0 || !setup.evaluate.measures_pixels()) return width;
  const int64_t side = std::min(setup.model.data_resolution(), kPixelSide);
  return std::max(width, setup.model.channels * side * side);
}

int64_t host_memory_bytes() {
  int64_t bytes = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  std::ifstream limit("/sys/fs/cgroup/memory.max");  // "max" without a limit
  if (int64_t most = 0; limit >> most) bytes = std::min(bytes, most);
  return bytes;
}

int64_t kept_feature_bytes(const FeatureSizes& sizes, int64_t width) {
  const int64_t train = rows_of_rank(sizes.train, sizes.ranks);
  return float_bytes(train + rows_of_rank(sizes.test, sizes.ranks), width);
}

int64_t view_bytes(const FeatureSizes& sizes, int64_t width) {
  return sizes.views * float_bytes(rows_of_rank(sizes.probe_train, sizes.ranks), width);
}

void check_memory(const std::string& what, const Bytes& bytes, const Room& room) {
  const bool is_on_host = room.own_device == 0;
  const int64_t on_host = bytes.host + (is_on_host ? bytes.device : 0);
  if (on_host > room.host / room.local_ranks) {
    refuse(what, on_host,
           "on each of " + std::to_string(room.local_ranks) + " rank(s) of a host with " +
               gigabytes(room.host));
  }
  if (!is_on_host && bytes.device > room.own_device) {
    refuse(what, bytes.device, "of a GPU with " + gigabytes(room.own_device));
  }
}

}  // namespace bbg::measure
