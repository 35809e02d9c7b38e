#pragma once
// The fully connected networks of BiGAN's permutation-invariant MNIST system (Donahue et al. 2017;
// docs/choices.md 57): linear maps without biases, batch norm without gains and biases, images read
// as flat vectors in [0, 1].

#include <optional>

#include "model/bigan/single_score.h"
#include "model/model_options.h"
#include "nn/cross_replica_norm.h"
#include "nn/layers.h"

namespace bbg::model {

// [N, C, S, S] in [-1, 1] -> [N, C S S] in [0, 1]. Without biases a shift of the pixels matters:
// black must be zero, as it is in the paper's networks.
at::Tensor flat_pixels(const at::Tensor& x);
int64_t num_pixels(const ModelOptions& options, int64_t resolution);

// h [N, in] (and a second path, already mapped to [N, out]) -> activation(norm(W h + second)).
// leak 0 is a ReLU.
class DenseLayer {
 public:
  DenseLayer(nn::Context& context, const nn::Scope& scope, int64_t in, int64_t out, bool normed,
             double leak);
  at::Tensor operator()(const at::Tensor& h, const at::Tensor& second = {});

 private:
  nn::Linear linear_;
  std::optional<nn::CrossReplicaNorm> norm_;
  double leak_;
};

// E before its output: two layers, the first without norm.
class DenseTrunk {
 public:
  DenseTrunk(nn::Context& context, const nn::Scope& scope, const ModelOptions& options,
             int64_t resolution, int64_t width);
  at::Tensor operator()(const at::Tensor& x);  // [N, C, S, S] -> [N, out_features()]
  int64_t out_features() const { return out_features_; }

 private:
  DenseLayer first_, second_;
  int64_t out_features_;
};

// D. F is the first layer on the image, H a linear map of the code, J the layer that adds the two
// and normalises; where no score reads the code, H is absent. The score's weight starts at zero.
class DenseDiscriminator final : public SingleScore {
 public:
  DenseDiscriminator(nn::Context& context, const nn::Scope& scope, const nn::Scope& code_scope,
                     const ModelOptions& options);
  at::Tensor image_features(const at::Tensor& x) override;  // [N, C, S, S] -> [N, width]
  at::Tensor code_features(const at::Tensor& z) override;   // [N, z_dim] -> [N, width]
  at::Tensor feature(const at::Tensor& x) override;         // J's or F's, [N, width]
  int64_t feature_width() const override { return width_; }

 private:
  at::Tensor score(const at::Tensor& image_features, const at::Tensor& code_features) override;

  int64_t width_;
  DenseLayer f_;
  std::optional<nn::Linear> h_;
  DenseLayer j_;
  nn::Linear score_;
};

}  // namespace bbg::model
