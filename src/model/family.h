#pragma once
// A network family: a G and a D that belong together, as one entry of the table in families.cpp. A
// new family is a folder with a value of this type, a word in choices.h and a line in that table.

#include <memory>

#include "model/discriminator_parts.h"
#include "model/generator.h"

namespace bbg::model {

struct Family {
  Block block;
  EncoderKind encoder;  // E's trunk where model.encoder = auto
  std::unique_ptr<Generator> (*make_generator)(const ModelOptions& options,
                                               const nn::Backend& backend, uint64_t seed);
  // Declares D's parameters below `scope`; below `code_scope`, the same place, those of what reads
  // the code alone.
  std::unique_ptr<DiscriminatorParts> (*make_discriminator)(nn::Context& context,
                                                            const nn::Scope& scope,
                                                            const nn::Scope& code_scope,
                                                            const ModelOptions& options);
  // Throws UsageError where the options do not fit the family.
  void (*check)(const ModelOptions& options);
};

}  // namespace bbg::model
