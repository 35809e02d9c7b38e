#pragma once
// The closed choices of ModelOptions and the words that a user writes for them, in the order in
// which help lists them. docs/options.md says what each means.

#include "core/words.h"

namespace bbg::model {

enum class System { kGan, kBigGan, kBiGan, kBigBiGan, kLatentRegressor, kAutoencoder };
inline constexpr core::Word<System> kSystems[] = {{"gan", System::kGan},
                                                  {"biggan", System::kBigGan},
                                                  {"bigan", System::kBiGan},
                                                  {"bigbigan", System::kBigBiGan},
                                                  {"latent-regressor", System::kLatentRegressor},
                                                  {"autoencoder", System::kAutoencoder}};

// The scores that D gives: of the image, of the code, of the pair.
enum class TermChoice { kAuto, kX, kXz, kXAndXz, kZAndXz, kAll };
inline constexpr core::Word<TermChoice> kTermChoices[] = {
    {"auto", TermChoice::kAuto},   {"x", TermChoice::kX},         {"xz", TermChoice::kXz},
    {"x xz", TermChoice::kXAndXz}, {"z xz", TermChoice::kZAndXz}, {"x z xz", TermChoice::kAll}};

// The law of z: standard normal, or uniform on [-1, 1].
enum class Prior { kNormal, kUniform };
inline constexpr core::Word<Prior> kPriors[] = {{"normal", Prior::kNormal},
                                                {"uniform", Prior::kUniform}};

// The family of G and D: BigGAN's residual blocks; 4x4 stride-2 convolutions; BiGAN's networks for
// MNIST and for ImageNet.
enum class Block { kResidual, kStrided, kMlp, kBiGan };
inline constexpr core::Word<Block> kBlocks[] = {{"residual", Block::kResidual},
                                                {"strided", Block::kStrided},
                                                {"mlp", Block::kMlp},
                                                {"bigan", Block::kBiGan}};

// The code base whose widths the residual networks have (docs/choices.md 11).
enum class Layout { kCompareGan, kStudioGan, kBigGanPyTorch };
inline constexpr core::Word<Layout> kLayouts[] = {
    {"cg", Layout::kCompareGan}, {"sg", Layout::kStudioGan}, {"bgp", Layout::kBigGanPyTorch}};

// The input of residual G's norms beside their chunk of z: the class, one learned embedding for
// all images, or nothing.
enum class GCondition { kClass, kSingle, kNone };
inline constexpr core::Word<GCondition> kGConditions[] = {
    {"class", GCondition::kClass}, {"single", GCondition::kSingle}, {"none", GCondition::kNone}};

// The code base whose shortcuts the blocks of residual D have.
enum class DSkip { kBigGanPyTorch, kCompareGan };
inline constexpr core::Word<DSkip> kDSkips[] = {{"bgp", DSkip::kBigGanPyTorch},
                                                {"cg", DSkip::kCompareGan}};

// Spectral, batch, or no normalisation in D.
enum class DNorm { kSpectral, kBatch, kNone };
inline constexpr core::Word<DNorm> kDNorms[] = {
    {"sn", DNorm::kSpectral}, {"bn", DNorm::kBatch}, {"none", DNorm::kNone}};

// The start of H: as of all weights, or orthogonal.
enum class HInit { kSame, kOrthogonal };
inline constexpr core::Word<HInit> kHInits[] = {{"same", HInit::kSame},
                                                {"orthogonal", HInit::kOrthogonal}};

// The trunk of E; kAuto: as the family of G and D says.
enum class EncoderKind {
  kAuto,
  kSmall,
  kStrided,
  kResNet50,
  kResNet101,
  kRevNet50,
  kAlexNet,
  kMlp
};
inline constexpr core::Word<EncoderKind> kEncoderKinds[] = {
    {"auto", EncoderKind::kAuto},           {"small", EncoderKind::kSmall},
    {"strided", EncoderKind::kStrided},     {"resnet50", EncoderKind::kResNet50},
    {"resnet101", EncoderKind::kResNet101}, {"revnet50", EncoderKind::kRevNet50},
    {"alexnet", EncoderKind::kAlexNet},     {"mlp", EncoderKind::kMlp}};

}  // namespace bbg::model
