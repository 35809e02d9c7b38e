#pragma once
// The parameters of one network as views into one contiguous buffer, their gradients into a second,
// in the order in which backward produces gradients (last declared first). Zeroing is one memset,
// the update one fused call, the exchange one reduction. Takes the network's parameters over: their
// tensors keep identity and values, and change storage.

#include "model/parameters.h"

namespace bbg::train {

class Arena {
 public:
  explicit Arena(const std::vector<model::NamedTensor>& parameters);

  at::Tensor& values() { return values_; }        // [n]
  at::Tensor& gradients() { return gradients_; }  // [n]
  void zero_gradients();
  // A new buffer of the same layout (moments, averages), zeros.
  at::Tensor like() const { return at::zeros_like(values_); }
  // `flat` [n], of this layout, as named views.
  std::vector<model::NamedTensor> views(const at::Tensor& flat) const;

 private:
  std::vector<model::NamedTensor> parameters_;  // in arena order
  std::vector<int64_t> offsets_;
  at::Tensor values_, gradients_;
};

}  // namespace bbg::train
