#pragma once
// The parameters of one network as views into one contiguous buffer, their gradients into a second.
// Both lie in the order in which backward produces gradients (last declared first). Zeroing is one
// memset, the update one fused call, the average one lerp, a bucket of the exchange a slice. Takes
// the network's parameters over: their tensors keep identity, values and strides, and change
// storage. Of buffers, without gradients, it makes one piece of memory too.

#include <functional>

#include "comm/gradient_exchange.h"
#include "nn/parameters.h"

namespace bbg::train {

class Arena {
 public:
  // [elements] zeros
  using MakeZeros = std::function<at::Tensor(int64_t elements, const at::TensorOptions& options)>;

  // Without gradients: of a network that is not trained; gradients() is undefined then. The length
  // is a multiple of `unit`, so that ranks can share it; the rest is zeros. `for_gradients` makes
  // the buffer of gradients.
  explicit Arena(const std::vector<nn::NamedTensor>& parameters, bool has_gradients = true,
                 int64_t unit = 1, const MakeZeros& for_gradients = make_zeros);

  at::Tensor& values() { return values_; }  // [n]
  const at::Tensor& values() const { return values_; }
  at::Tensor& gradients() { return gradients_; }  // [n]
  void zero_gradients();
  // A new buffer of the same layout (moments, averages), zeros.
  at::Tensor like() const { return at::zeros_like(values_); }
  // The parameters, in arena order, and where each begins.
  std::vector<comm::GradientExchange::Place> places() const;
  // `flat` [n], of this layout, as named views with the parameters' shapes and strides.
  std::vector<nn::NamedTensor> views(const at::Tensor& flat) const;

 private:
  static at::Tensor make_zeros(int64_t elements, const at::TensorOptions& options) {
    return at::zeros({elements}, options);
  }

  std::vector<nn::NamedTensor> parameters_;  // in arena order
  std::vector<int64_t> offsets_;
  at::Tensor values_, gradients_;
};

}  // namespace bbg::train
