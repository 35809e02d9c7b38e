#include "core/error.h"
#include "model/bigan/family.h"

namespace bbg::model {

namespace {

// Both families have one score, batch norm and no classes.
void check_one_score(const ModelOptions& options) {
  const Terms terms = options.active_terms();
  if (terms.z || (terms.x && terms.xz)) {
    throw core::UsageError(
        "model.block = " + core::word_of(kBlocks, options.block) +
            " has one score, which model.system = " + core::word_of(kSystems, options.system) +
            " with model.terms = " + core::word_of(kTermChoices, options.terms) + " does not fit",
        "set model.system = bigan (a score of the pair) or gan (of the image), or model.block = "
        "strided or residual");
  }
  if (options.has_discriminator() && options.d_norm != DNorm::kBatch) {
    throw core::UsageError(
        "model.d-norm = " + core::word_of(kDNorms, options.d_norm) +
            " does not fit model.block = " + core::word_of(kBlocks, options.block),
        "set model.d-norm = bn");
  }
  if (options.is_conditional()) {
    throw core::UsageError("model.g-condition = class exists for model.block = residual only",
                           "set model.g-condition = single, or model.block = residual");
  }
}

}  // namespace

void check_mlp(const ModelOptions& options) { check_one_score(options); }

void check_bigan(const ModelOptions& options) {
  check_one_score(options);
  if (options.resolution % 16 != 0) {
    throw core::UsageError("model.resolution = " + std::to_string(options.resolution) +
                               " is not known for model.block = bigan",
                           "choose a multiple of 16; the paper has 64");
  }
}

}  // namespace bbg::model
