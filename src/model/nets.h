#pragma once
// The networks of one system, built equal on all ranks.

#include <memory>

#include "model/discriminator.h"
#include "model/encoder.h"
#include "model/generator.h"

namespace bbg::model {

struct Nets {
  std::unique_ptr<Generator> generator;
  // null in a system without one
  std::unique_ptr<Encoder> encoder;
  std::unique_ptr<Discriminator> discriminator;
};

// Values depend on seed and options only.
Nets make_nets(const ModelOptions& options, const nn::Backend& backend, uint64_t seed);
// G and D of this family, whatever model.block says; the options must fit it (Family::check).
Nets make_nets(const Family& family, const ModelOptions& options, const nn::Backend& backend,
               uint64_t seed);

}  // namespace bbg::model
