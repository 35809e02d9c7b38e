#include "model/bigan/dense.h"
#include "model/bigan/family.h"
#include "nn/layers.h"

namespace bbg::model {

namespace {

// The code enters both layers.
class DenseGenerator final : public Generator {
 public:
  DenseGenerator(const ModelOptions& options, const nn::Backend& backend, uint64_t seed)
      : Generator("G", options.network_settings(), backend, seed),
        shape_{-1, options.channels, options.resolution, options.resolution},
        first_(context(), root() / "layers.0", options.z_dim, options.generator_width(), true, 0),
        second_(context(), root() / "layers.1", options.generator_width(),
                options.generator_width(), true, 0),
        code_(context(), root() / "code", options.z_dim, options.generator_width(), false, false),
        output_(context(), root() / "output", options.generator_width(),
                num_pixels(options, options.resolution), false, false) {}

  at::Tensor forward(const at::Tensor& z, const at::Tensor&) override {
    const at::Tensor t = ops::in_full(output_(second_(first_(z), code_(z))));
    // The paper's sigmoid(t), in [0, 1], brought to [-1, 1]: 2 sigmoid(t) - 1 = tanh(t / 2).
    return at::tanh(t / 2).view(shape_);
  }

 private:
  std::vector<int64_t> shape_;
  DenseLayer first_, second_;
  nn::Linear code_, output_;
};

}  // namespace

std::unique_ptr<Generator> make_dense_generator(const ModelOptions& options,
                                                const nn::Backend& backend, uint64_t seed) {
  return std::make_unique<DenseGenerator>(options, backend, seed);
}

}  // namespace bbg::model
