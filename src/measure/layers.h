#pragma once
// The measures of E's stages: what each one's activations tell about labels, and how well what
// follows it learns them when it is frozen. Of the trained E, and of E as it starts, whose fields
// begin with untrained_. Collectives.

#include "core/values.h"
#include "measure/inputs.h"

namespace bbg::measure {

// Pixels a side to which a stage's map is averaged, for about 9,000 values (Zhang et al. 2017):
// 10, 6, 5, 5 and 6 for AlexNet; at most those of the map.
int64_t pooled_side(int64_t channels, int64_t side);
// [n, C, S, S] -> [n, C s s] float32, s = pooled_side(): means over parts of the map.
at::Tensor pooled(const at::Tensor& map);

// The linear protocol on each stage: top1_<stage> and top5_<stage>, in [0, 1].
core::Values layer_probes(Inputs& inputs);
// The memory of a stage with as many values as pooled_side() wants: those of the papers' networks.
Bytes layer_probes_memory(const FeatureSizes& sizes);
// Stages up to each one frozen, the others trained with labels (measure/retrained.h): the same
// fields.
core::Values transfer(Inputs& inputs);

}  // namespace bbg::measure
