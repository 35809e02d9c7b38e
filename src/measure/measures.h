#pragma once
// Each measure of the table, from its inputs to its values: the fields of its group in
// evaluation.json that belong to the source at hand. Collectives.

#include "core/values.h"
#include "measure/inputs.h"
#include "measure/memory.h"

namespace bbg::measure {

// Whatever else it cannot see, it sees lost modes and drifting contrast, and needs no other
// network.
core::Values frechet_pixels(Inputs& inputs);
// In [0, 1].
core::Values linear_probe(Inputs& inputs);
Bytes linear_probe_memory(const FeatureSizes& sizes);
core::Values nearest_neighbour(Inputs& inputs);
Bytes nearest_neighbour_memory(const FeatureSizes& sizes);

}  // namespace bbg::measure
