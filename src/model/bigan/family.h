#pragma once
// BiGAN's own networks: fully connected ones for MNIST (mlp) and 5x5 convolutions of stride 2 for
// ImageNet (bigan), each with one score (Donahue et al. 2017; docs/choices.md 57, 61).

#include "model/family.h"

namespace bbg::model {

std::unique_ptr<Generator> make_dense_generator(const ModelOptions& options,
                                                const nn::Backend& backend, uint64_t seed);
std::unique_ptr<DiscriminatorParts> make_dense_discriminator(nn::Context& context,
                                                             const nn::Scope& scope,
                                                             const nn::Scope& code_scope,
                                                             const ModelOptions& options);
void check_mlp(const ModelOptions& options);

inline constexpr Family kMlpFamily = {.block = Block::kMlp,
                                      .encoder = EncoderKind::kMlp,
                                      .make_generator = make_dense_generator,
                                      .make_discriminator = make_dense_discriminator,
                                      .check = check_mlp};

std::unique_ptr<Generator> make_bigan_generator(const ModelOptions& options,
                                                const nn::Backend& backend, uint64_t seed);
std::unique_ptr<DiscriminatorParts> make_bigan_discriminator(nn::Context& context,
                                                             const nn::Scope& scope,
                                                             const nn::Scope& code_scope,
                                                             const ModelOptions& options);
void check_bigan(const ModelOptions& options);

inline constexpr Family kBiGanFamily = {.block = Block::kBiGan,
                                        .encoder = EncoderKind::kAlexNet,
                                        .make_generator = make_bigan_generator,
                                        .make_discriminator = make_bigan_discriminator,
                                        .check = check_bigan};

}  // namespace bbg::model
