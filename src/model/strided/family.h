#pragma once
// A DCGAN for small data: 4x4 convolutions of stride 2, in G with batch norm.

#include "model/family.h"

namespace bbg::model {

std::unique_ptr<Generator> make_strided_generator(const ModelOptions& options,
                                                  const nn::Backend& backend, uint64_t seed);
std::unique_ptr<DiscriminatorParts> make_strided_discriminator(nn::Context& context,
                                                               const nn::Scope& scope,
                                                               const nn::Scope& code_scope,
                                                               const ModelOptions& options);
void check_strided(const ModelOptions& options);

inline constexpr Family kStridedFamily = {.block = Block::kStrided,
                                          .encoder = EncoderKind::kStrided,
                                          .make_generator = make_strided_generator,
                                          .make_discriminator = make_strided_discriminator,
                                          .check = check_strided};

}  // namespace bbg::model
