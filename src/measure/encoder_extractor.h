#pragma once
// E of a run as a network that measures samples, where no other is at hand. Its features change
// with training: distances in them compare with nothing outside the run.

#include <memory>

#include "extractor/extractor.h"
#include "model/encoder.h"
#include "model/model_options.h"

namespace bbg::measure {

// `encoder` outlives the result and has its statistics. Images are brought to E's resolution by
// bilinear interpolation where they are smaller. Without a fingerprint.
std::unique_ptr<extractor::Extractor> make_encoder_extractor(model::Encoder& encoder,
                                                             const model::ModelOptions& options,
                                                             const at::TensorOptions& tensors);

}  // namespace bbg::measure
