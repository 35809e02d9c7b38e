#include "model/encoders/encoders.h"

#include "core/error.h"
#include "model/bigan/dense.h"
#include "model/encoders/alexnet.h"
#include "model/encoders/bottleneck_resnet.h"
#include "model/encoders/reversible_resnet.h"
#include "model/encoders/small_resnet.h"
#include "model/strided/strided_trunk.h"

namespace bbg::model {

namespace {

BottleneckTrunkShape bottleneck_shape(const ModelOptions& options, int64_t third_stage) {
  return {.channels = options.channels,
          .base = options.e_width,
          .units = {3, 4, third_stage, 3},
          .last_relu = options.e_last_relu};
}

[[noreturn]] void refuse_resolution(const ModelOptions& options, const char* hint) {
  throw core::UsageError("model.encoder = " + core::word_of(kEncoderKinds, options.encoder_kind()) +
                             " does not take images of " +
                             std::to_string(options.data_resolution()) + " px",
                         hint);
}

}  // namespace

std::unique_ptr<Trunk> make_small_encoder(nn::Context& context, const nn::Scope& scope,
                                          const ModelOptions& options) {
  return make_trunk<SmallResNet>(context, scope, options.channels, options.e_width,
                                 options.data_resolution(), options.e_last_relu);
}

std::unique_ptr<Trunk> make_strided_encoder(nn::Context& context, const nn::Scope& scope,
                                            const ModelOptions& options) {
  return make_trunk<StridedTrunk>(context, scope, options, options.data_resolution(),
                                  options.e_width, DNorm::kBatch);
}

std::unique_ptr<Trunk> make_resnet50(nn::Context& context, const nn::Scope& scope,
                                     const ModelOptions& options) {
  return make_trunk<BottleneckResNet>(context, scope, bottleneck_shape(options, 6));
}

std::unique_ptr<Trunk> make_resnet101(nn::Context& context, const nn::Scope& scope,
                                      const ModelOptions& options) {
  return make_trunk<BottleneckResNet>(context, scope, bottleneck_shape(options, 23));
}

std::unique_ptr<Trunk> make_revnet50(nn::Context& context, const nn::Scope& scope,
                                     const ModelOptions& options) {
  return make_trunk<ReversibleResNet>(context, scope, bottleneck_shape(options, 6));
}

std::unique_ptr<Trunk> make_alexnet(nn::Context& context, const nn::Scope& scope,
                                    const ModelOptions& options) {
  return make_trunk<AlexNet>(context, scope, options.channels, options.e_width,
                             options.data_resolution());
}

std::unique_ptr<Trunk> make_mlp_encoder(nn::Context& context, const nn::Scope& scope,
                                        const ModelOptions& options) {
  return make_trunk<DenseTrunk>(context, scope, options, options.data_resolution(),
                                options.e_width);
}

void check_small_images(const ModelOptions& options) {
  if (is_strided_size(options.data_resolution())) return;
  refuse_resolution(options, "choose 16, 32, 64 or 128 px, or model.encoder = resnet50");
}

void check_large_trunk(const ModelOptions& options) {
  // The four stages halve three times, the root twice.
  if (options.data_resolution() % 32 == 0) return;
  refuse_resolution(options, "choose a multiple of 32 px");
}

void check_alexnet(const ModelOptions& options) {
  if (options.e_width % 2 == 0) return;
  throw core::UsageError("model.e-width = " + std::to_string(options.e_width) +
                             " does not split into the two halves of a RevNet or AlexNet",
                         "choose an even number");
}

void check_revnet(const ModelOptions& options) {
  check_alexnet(options);
  check_large_trunk(options);
}

}  // namespace bbg::model
