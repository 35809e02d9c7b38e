#include "model/nets.h"

#include "model/families.h"

namespace bbg::model {

Nets make_nets(const ModelOptions& options, const nn::Backend& backend, uint64_t seed) {
  options.check();
  return make_nets(family_of(options.block), options, backend, seed);
}

Nets make_nets(const Family& family, const ModelOptions& options, const nn::Backend& backend,
               uint64_t seed) {
  Nets nets;
  nets.generator = family.make_generator(options, backend, seed);
  if (options.has_encoder()) {
    nets.encoder = std::make_unique<Encoder>(options, backend, seed);
  }
  if (options.has_discriminator()) {
    nets.discriminator = std::make_unique<Discriminator>(family, options, backend, seed);
  }
  return nets;
}

}  // namespace bbg::model
