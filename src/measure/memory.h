#pragma once
// The memory that measures of labelled features take on a rank, known before a run begins. Less is
// counted than is taken, so that what is refused could not have been measured.

#include <cstdint>
#include <string>

#include "measure/setup.h"
#include "model/nets.h"

namespace bbg::measure {

// Bytes on a rank: in its host's memory, and in that of the device where networks compute, which
// may be the same.
struct Bytes {
  int64_t host = 0, device = 0;
};

// The numbers that a measure's memory depends on.
struct FeatureSizes {
  // Values in a feature of the trained network, and in the longest that any source has.
  int64_t width = 0, longest_width = 0;
  int64_t num_classes = 0;
  int64_t train = 0, test = 0;  // images of which features are kept, over all ranks
  int64_t probe_train = 0;      // training images that linear classifiers learn from
  int64_t views = 0;  // random views of each such image, beside the one that is kept anyway
  int ranks = 1;
};

// Values in a feature of the network that is measured; 0: there is none.
int64_t feature_width(const Setup& setup, const model::Nets& nets);
// In the longest feature that a probe reads: this or the pixels'; 0: there is no probe.
int64_t longest_feature_width(const Setup& setup, const model::Nets& nets);

// A rank's part of features of this width that are kept, float32.
int64_t kept_feature_bytes(const FeatureSizes& sizes, int64_t width);
// A rank's part of those of all views.
int64_t view_bytes(const FeatureSizes& sizes, int64_t width);

// The memory that a rank may take.
struct Room {
  int64_t host = 0;        // bytes, of all ranks of a host together
  int local_ranks = 1;     // that share it
  int64_t own_device = 0;  // bytes of this rank's GPU; 0: the host is the device
};

// This host's memory, or what a container may have of it.
int64_t host_memory_bytes();

// UsageError where `what`, a measure, does not fit.
void check_memory(const std::string& what, const Bytes& bytes, const Room& room);

}  // namespace bbg::measure
