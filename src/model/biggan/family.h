#pragma once
// BigGAN's residual G and D (Brock et al. 2019, section 3 and appendix B; docs/choices.md 1-18).

#include "model/family.h"

namespace bbg::model {

std::unique_ptr<Generator> make_residual_generator(const ModelOptions& options,
                                                   const nn::Backend& backend, uint64_t seed);
std::unique_ptr<DiscriminatorParts> make_residual_discriminator(nn::Context& context,
                                                                const nn::Scope& scope,
                                                                const nn::Scope& code_scope,
                                                                const ModelOptions& options);
void check_residual(const ModelOptions& options);

inline constexpr Family kResidualFamily = {.block = Block::kResidual,
                                           .encoder = EncoderKind::kSmall,
                                           .make_generator = make_residual_generator,
                                           .make_discriminator = make_residual_discriminator,
                                           .check = check_residual};

}  // namespace bbg::model
