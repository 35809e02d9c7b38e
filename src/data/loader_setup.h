#pragma once
// All that the batches of a loader depend on. Plain data.

#include <cstdint>

#include "core/slots.h"
#include "data/data_options.h"
#include "data/loaded_batch.h"
#include "data/sample_plan.h"

namespace bbg::data {

struct LoaderSetup {
  SamplePlan plan;
  DataOptions options;     // loader_threads above 0
  core::Slots slots;       // this rank's of each global batch
  int64_t size;            // px a side of the images that come out; see SampleBuilder
  int64_t first_draw = 0;  // see SamplePlan
  Allocate allocate = allocate_pages;
};

}  // namespace bbg::data
