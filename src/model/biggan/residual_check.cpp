#include "core/error.h"
#include "model/biggan/family.h"
#include "model/biggan/layout.h"

namespace bbg::model {

void check_residual(const ModelOptions& options) {
  const auto blocks = static_cast<int64_t>(generator_layout(options).size());
  if (options.has_discriminator()) discriminator_layout(options);
  const int64_t chunks = options.g_split_z ? blocks + 1 : 1;
  if (options.z_dim % chunks != 0) {
    const int64_t below = options.z_dim / chunks * chunks;
    throw core::UsageError("model.z-dim = " + std::to_string(options.z_dim) +
                               " does not split into " + std::to_string(chunks) + " equal chunks",
                           "the nearest that do are " +
                               (below > 0 ? std::to_string(below) + " and " : "") +
                               std::to_string(below + chunks));
  }
  if (options.has_discriminator() && options.d_norm != DNorm::kSpectral) {
    throw core::UsageError("model.d-norm = " + core::word_of(kDNorms, options.d_norm) +
                               " does not fit model.block = residual",
                           "set model.d-norm = sn, or model.block = strided");
  }
}

}  // namespace bbg::model
