#pragma once
// The measures of what G makes, in the features of a network that others trained, or of E: from
// features to values. The fields that belong to the source at hand. Collectives.

#include "core/values.h"
#include "measure/inputs.h"

namespace bbg::measure {

// To the training images; of samples with the distance that infinitely many would have.
core::Values frechet(Inputs& inputs);
// Empty where the network has no logits.
core::Values inception_score(Inputs& inputs);
core::Values kernel_distance(Inputs& inputs);
core::Values manifold(Inputs& inputs);
core::Values sliced_distance(Inputs& inputs);

}  // namespace bbg::measure
