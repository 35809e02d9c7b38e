#include "model/strided/strided_trunk.h"

#include <bit>

namespace bbg::model {

bool is_strided_size(int64_t resolution) {
  return resolution >= 16 && resolution <= 128 &&
         std::has_single_bit(static_cast<uint64_t>(resolution));
}

StridedTrunk::StridedTrunk(nn::Context& context, const nn::Scope& scope,
                           const ModelOptions& options, int64_t resolution, int64_t width,
                           DNorm norm) {
  const int levels = std::countr_zero(static_cast<uint64_t>(resolution)) - 2;
  int64_t in = options.channels;
  for (int i = 0; i < levels; ++i) {
    const int64_t out = width << i;
    const bool normed = norm == DNorm::kBatch && i > 0;
    const std::string index = std::to_string(i);
    convs_.emplace_back(
        context, scope / ("convs." + index),
        nn::ConvShape{.in = in, .out = out, .kernel = 4, .stride = 2, .bias = !normed},
        norm == DNorm::kSpectral);
    if (normed) norms_.emplace_back(context, scope / ("norms." + index), out);
    end_stage("conv" + std::to_string(convs_.size()), scope);
    in = out;
  }
  out_features_ = in * 16;
}

at::Tensor StridedTrunk::stage(size_t index, at::Tensor h) {
  if (index == 0) h = ops::channels_last(h);
  h = convs_[index](h);
  if (!norms_.empty() && index > 0) h = norms_[index - 1](h);
  return at::leaky_relu(h, 0.2);
}

}  // namespace bbg::model
