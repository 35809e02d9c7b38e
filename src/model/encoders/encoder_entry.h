#pragma once
// A kind of encoder: the trunk of E, as one entry of the table in model/families.cpp.

#include <memory>

#include "model/model_options.h"
#include "model/trunk.h"
#include "nn/context.h"

namespace bbg::model {

struct EncoderEntry {
  EncoderKind kind;
  std::unique_ptr<Trunk> (*make)(nn::Context& context, const nn::Scope& scope,
                                 const ModelOptions& options);
  // Throws UsageError where the size of the images or model.e-width does not fit.
  void (*check)(const ModelOptions& options);
  // The last linear map of E has no bias, and starts at zero in a latent regressor (docs/choices.md
  // C1).
  bool is_bigans = false;
  // The trunk has more than one stage.
  bool has_stages = true;
};

}  // namespace bbg::model
