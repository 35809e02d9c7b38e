#include "model/nets.h"

namespace bbg::model {

Nets make_nets(const ModelOptions& options, const nn::Backend& backend, uint64_t seed) {
  options.check();
  return {.generator = make_generator(options, backend, seed),
          .encoder =
              options.has_encoder() ? std::make_unique<Encoder>(options, backend, seed) : nullptr,
          .discriminator = options.has_discriminator()
                               ? std::make_unique<Discriminator>(options, backend, seed)
                               : nullptr};
}

}  // namespace bbg::model
