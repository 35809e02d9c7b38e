#pragma once
// The networks that are measured: those of a live run or of a checkpoint, without what trains them.
// They outlive it.

#include <functional>

#include "core/types.h"
#include "model/discriminator.h"
#include "model/encoder.h"
#include "model/generator.h"

namespace bbg::measure {

struct Subject {
  model::Generator& generator;                // the average
  model::Encoder* encoder;                    // the average; null in a system without one
  const model::Discriminator* discriminator;  // as trained; null in a system without one
};

// G(E(x)), [n, C, S, S], of the images of a batch, from E's mean.
at::Tensor reconstruct(const Subject& subject, const core::Batch& batch);
// The same from a sample of E's distribution; epsilon [n, z_dim].
at::Tensor reconstruct_from_sample(const Subject& subject, const core::Batch& batch,
                                   const at::Tensor& epsilon);

// Images of G at E's resolution where that is another: bilinear.
at::Tensor enlarge(const at::Tensor& images, int64_t size);

// Calls `use`, which may put statistics of its own into the buffers of G and E; then puts back
// those that were there, also where `use` throws.
void leave_as_found(const Subject& subject, const std::function<void()>& use);

}  // namespace bbg::measure
