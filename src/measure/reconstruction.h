#pragma once
// Measures of G(E(x)) and E(G(z)), from inputs to values; none for sources other than a need's
// first. Collectives.

#include "core/values.h"
#include "measure/inputs.h"

namespace bbg::measure {

// error, error_random and ratio of |x - G(E(x))|, E's mean as code.
core::Values reconstruction(Inputs& inputs);
// The same with a sample of E's distribution as code; empty where E is deterministic.
core::Values sampled_reconstruction(Inputs& inputs);
// The same between features of both images by the need's network; with the share of images whose
// class its logits keep, where it has these.
core::Values feature_reconstruction(Inputs& inputs);
// The same between codes of samples, z, and E's codes of these, E(G(z)).
core::Values round_trip(Inputs& inputs);
// In [0, 1]: images whose reconstructions the linear classifier gives the class that it gives the
// images, and reconstructions that it gives their label.
core::Values class_kept(Inputs& inputs);

}  // namespace bbg::measure
