#pragma once
// The classifier of the transfer protocol, on the feature of a trunk: AlexNet's fc6, fc7 and fc8
// (Krizhevsky et al. 2012), two hidden layers with leaky ReLU 0.2 and dropout, as in BiGAN's Caffe
// model; or a linear map alone. Weights start as Glorot's uniform.

#include <optional>
#include <vector>

#include "model/model_options.h"
#include "nn/layers.h"
#include "nn/network.h"

namespace bbg::measure {

class Classifier final : public nn::Network {
 public:
  struct Shape {
    int64_t in;
    int64_t hidden;  // width of fc6 and fc7; 0: a linear map alone
    int64_t classes;
  };
  Classifier(const model::ModelOptions& options, const nn::Backend& backend, uint64_t seed,
             const Shape& shape);
  // features [n, in] -> logits [n, classes], float32. `dropout`: factors [n, hidden] of each hidden
  // layer's output; empty: none.
  at::Tensor forward(const at::Tensor& features, const std::vector<at::Tensor>& dropout = {});
  int64_t hidden() const { return hidden_; }

 private:
  int64_t hidden_;
  std::vector<nn::Linear> layers_;
  std::optional<nn::Linear> last_;
};

}  // namespace bbg::measure
