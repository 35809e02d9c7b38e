#include "model/families.h"

#include <algorithm>

#include "model/bigan/family.h"
#include "model/biggan/family.h"
#include "model/encoders/encoders.h"
#include "model/strided/family.h"

namespace bbg::model {

namespace {

constexpr Family kFamilies[] = {kResidualFamily, kStridedFamily, kMlpFamily, kBiGanFamily};

constexpr EncoderEntry kEncoders[] = {kSmallEncoder,     kStridedEncoder,  kResNet50Encoder,
                                      kResNet101Encoder, kRevNet50Encoder, kAlexNetEncoder,
                                      kMlpEncoder};

// Every word of model.block and of model.encoder has its entry.
static_assert(std::ranges::all_of(kBlocks, [](const core::Word<Block>& word) {
  return std::ranges::count(kFamilies, word.value, &Family::block) == 1;
}));
static_assert(std::ranges::all_of(kEncoderKinds, [](const core::Word<EncoderKind>& word) {
  return word.value == EncoderKind::kAuto ||
         std::ranges::count(kEncoders, word.value, &EncoderEntry::kind) == 1;
}));

}  // namespace

const Family& family_of(Block block) {
  const auto found = std::ranges::find(kFamilies, block, &Family::block);
  BBG_CHECK(found != std::end(kFamilies), "a block without a family");
  return *found;
}

std::unique_ptr<Generator> make_generator(const ModelOptions& options, const nn::Backend& backend,
                                          uint64_t seed) {
  return family_of(options.block).make_generator(options, backend, seed);
}

const EncoderEntry& encoder_of(EncoderKind kind) {
  const auto found = std::ranges::find(kEncoders, kind, &EncoderEntry::kind);
  BBG_CHECK(found != std::end(kEncoders), "a kind of encoder without a trunk");
  return *found;
}

}  // namespace bbg::model
