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

// G(E(x)), [n, C, S, S], of the images of a batch.
at::Tensor reconstruct(const Subject& subject, const core::Batch& batch);

// Calls `use`, which may put statistics of its own into the buffers of G and E; then puts back
// those that were there, also where `use` throws.
void leave_as_found(const Subject& subject, const std::function<void()>& use);

}  // namespace bbg::measure
