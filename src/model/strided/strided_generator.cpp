#include <bit>

#include "model/strided/family.h"
#include "nn/cross_replica_norm.h"
#include "nn/layers.h"

namespace bbg::model {

namespace {

class StridedGenerator final : public Generator {
 public:
  StridedGenerator(const ModelOptions& options, const nn::Backend& backend, uint64_t seed)
      : Generator("G", options.network_settings(), backend, seed) {
    const int levels = std::countr_zero(static_cast<uint64_t>(options.resolution)) - 2;
    top_ = options.generator_width() << (levels - 1);
    linear_.emplace(context(), root() / "linear", options.z_dim, top_ * 16, false, false);
    norms_.emplace_back(context(), root() / "norm0", top_);
    int64_t width = top_;
    for (int i = 0; i < levels; ++i) {
      const bool last = i == levels - 1;
      const std::string index = std::to_string(i);
      deconvs_.emplace_back(context(), root() / ("deconvs." + index), width,
                            last ? options.channels : width / 2, 4, last);
      width /= 2;
      if (!last) norms_.emplace_back(context(), root() / ("norms." + index), width);
    }
  }

  at::Tensor forward(const at::Tensor& z, const at::Tensor&) override {
    at::Tensor h = ops::channels_last((*linear_)(z).view({-1, top_, 4, 4}));
    for (size_t i = 0; i < deconvs_.size(); ++i) h = deconvs_[i](norms_[i](h, true));
    return at::tanh(ops::in_full(h));
  }

 private:
  int64_t top_ = 0;
  std::optional<nn::Linear> linear_;
  std::vector<nn::BatchNorm> norms_;
  std::vector<nn::UpConv> deconvs_;
};

}  // namespace

std::unique_ptr<Generator> make_strided_generator(const ModelOptions& options,
                                                  const nn::Backend& backend, uint64_t seed) {
  return std::make_unique<StridedGenerator>(options, backend, seed);
}

}  // namespace bbg::model
