#pragma once
// Standing statistics of batch norm (Brock et al. 2019, appendix; docs/choices.md 52): those of
// eval.standing-passes batches, shared out over the ranks in equal parts, so that they do not
// depend on a number of ranks that divides eval.batch. A network is left in evaluation mode. All
// calls are collectives.

#include <functional>
#include <memory>

#include "measure/context.h"
#include "measure/images.h"
#include "model/encoder.h"
#include "model/generator.h"

namespace bbg::measure {

// Over generated images, of the truncated prior.
void make_standing(const Context& context, model::Generator& generator);

// Over training images.
void make_standing(const Context& context, const Images& images, model::Encoder& encoder);
// E as a run starts, with them.
std::unique_ptr<model::Encoder> make_untrained_encoder(const Context& context,
                                                       const Images& images);
// A network of images, which `forward` runs on a batch.
void make_standing(const Context& context, const Images& images, nn::Network& network,
                   const std::function<void(const at::Tensor&)>& forward);

}  // namespace bbg::measure
