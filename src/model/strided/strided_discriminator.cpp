#include "core/error.h"
#include "model/joint_parts.h"
#include "model/strided/family.h"
#include "model/strided/strided_trunk.h"

namespace bbg::model {

std::unique_ptr<DiscriminatorParts> make_strided_discriminator(nn::Context& context,
                                                               const nn::Scope& scope,
                                                               const nn::Scope& code_scope,
                                                               const ModelOptions& options) {
  return std::make_unique<JointParts>(
      context, scope, code_scope, options,
      make_trunk<StridedTrunk>(context, scope / "F", options, options.resolution, options.width,
                               options.d_norm));
}

void check_strided(const ModelOptions& options) {
  if (!is_strided_size(options.resolution)) {
    throw core::UsageError("model.resolution = " + std::to_string(options.resolution) +
                               " is not known for model.block = strided",
                           "choose 16, 32, 64 or 128, and shards of the same size");
  }
  if (options.is_conditional()) {
    throw core::UsageError("model.g-condition = class exists for model.block = residual only",
                           "set model.g-condition = single, or model.block = residual");
  }
}

}  // namespace bbg::model
