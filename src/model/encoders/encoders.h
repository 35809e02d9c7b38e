#pragma once
// The kinds of encoder that the table in model/families.cpp has.

#include "model/encoders/encoder_entry.h"

namespace bbg::model {

std::unique_ptr<Trunk> make_small_encoder(nn::Context& context, const nn::Scope& scope,
                                          const ModelOptions& options);
std::unique_ptr<Trunk> make_strided_encoder(nn::Context& context, const nn::Scope& scope,
                                            const ModelOptions& options);
std::unique_ptr<Trunk> make_resnet50(nn::Context& context, const nn::Scope& scope,
                                     const ModelOptions& options);
std::unique_ptr<Trunk> make_resnet101(nn::Context& context, const nn::Scope& scope,
                                      const ModelOptions& options);
std::unique_ptr<Trunk> make_revnet50(nn::Context& context, const nn::Scope& scope,
                                     const ModelOptions& options);
std::unique_ptr<Trunk> make_alexnet(nn::Context& context, const nn::Scope& scope,
                                    const ModelOptions& options);
std::unique_ptr<Trunk> make_mlp_encoder(nn::Context& context, const nn::Scope& scope,
                                        const ModelOptions& options);

void check_small_images(const ModelOptions& options);  // 16 to 128 px, a power of two
void check_large_trunk(const ModelOptions& options);   // multiples of 32 px
void check_revnet(const ModelOptions& options);        // and an even width
void check_alexnet(const ModelOptions& options);       // an even width
inline void check_any(const ModelOptions&) {}

inline constexpr EncoderEntry kSmallEncoder = {
    .kind = EncoderKind::kSmall, .make = make_small_encoder, .check = check_small_images};
inline constexpr EncoderEntry kStridedEncoder = {
    .kind = EncoderKind::kStrided, .make = make_strided_encoder, .check = check_small_images};
inline constexpr EncoderEntry kResNet50Encoder = {
    .kind = EncoderKind::kResNet50, .make = make_resnet50, .check = check_large_trunk};
inline constexpr EncoderEntry kResNet101Encoder = {
    .kind = EncoderKind::kResNet101, .make = make_resnet101, .check = check_large_trunk};
inline constexpr EncoderEntry kRevNet50Encoder = {
    .kind = EncoderKind::kRevNet50, .make = make_revnet50, .check = check_revnet};
inline constexpr EncoderEntry kAlexNetEncoder = {
    .kind = EncoderKind::kAlexNet, .make = make_alexnet, .check = check_alexnet, .is_bigans = true};
inline constexpr EncoderEntry kMlpEncoder = {.kind = EncoderKind::kMlp,
                                             .make = make_mlp_encoder,
                                             .check = check_any,
                                             .is_bigans = true,
                                             .has_stages = false};

}  // namespace bbg::model
