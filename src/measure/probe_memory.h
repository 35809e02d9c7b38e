#pragma once
// The host memory that an evaluation's linear probe takes, known before a run begins.

#include <cstdint>

#include "measure/setup.h"
#include "model/nets.h"

namespace bbg::measure {

// Values in the longest feature that a probe reads; 0: there is no probe.
int64_t probe_width(const Setup& setup, const model::Nets& nets);

// This host's memory, or what a container may have of it.
int64_t host_memory_bytes();

// UsageError where the probe of a job of `ranks` ranks does not fit into the `host_bytes` that
// `local_ranks` of them share.
void check_probe_memory(int64_t width, int64_t num_classes, int ranks, int local_ranks,
                        int64_t host_bytes);

}  // namespace bbg::measure
