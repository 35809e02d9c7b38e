#pragma once
// Another make of processor, for tests. While an object lives, what libtorch computes in its thread
// by functions that no standard rounds (roots, exponentials, products of matrices, sums, whose
// vector libraries have code of their own for each make) is one unit off in the last place.
// Arithmetic element by element, which is rounded the same everywhere, stays.

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

namespace bbg::testing {

// Above autograd, so that what backward calls is seen too.
inline constexpr auto kRoundingKey = c10::DispatchKey::TESTING_ONLY_GenericMode;

inline const std::set<std::string>& freely_rounded() {
  static const std::set<std::string> names = {"sqrt",
                                              "rsqrt",
                                              "exp",
                                              "expm1",
                                              "log",
                                              "log1p",
                                              "log2",
                                              "sin",
                                              "cos",
                                              "tanh",
                                              "sigmoid",
                                              "erf",
                                              "pow",
                                              "softplus",
                                              "softplus_backward",
                                              "_softmax",
                                              "_log_softmax",
                                              "_softmax_backward_data",
                                              "mv",
                                              "dot",
                                              "vdot",
                                              "mm",
                                              "bmm",
                                              "baddbmm",
                                              "addmm",
                                              "addmv",
                                              "addr",
                                              "matmul",
                                              "linear",
                                              "convolution",
                                              "convolution_backward",
                                              "conv2d",
                                              "conv_transpose2d",
                                              "sum",
                                              "mean",
                                              "var_mean",
                                              "norm",
                                              "linalg_vector_norm",
                                              "linalg_qr",
                                              "avg_pool2d",
                                              "avg_pool2d_backward",
                                              "_upsample_bilinear2d_aa"};
  return names;
}

template <class T>
void move_by_one_unit(const at::Tensor& tensor) {
  T* values = tensor.data_ptr<T>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    if (values[i] == 0) continue;
    values[i] = std::nextafter(values[i], std::numeric_limits<T>::infinity());
  }
}

inline void round_otherwise(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_cpu() || !tensor.is_non_overlapping_and_dense()) return;
  if (tensor.scalar_type() == at::kFloat) move_by_one_unit<float>(tensor);
  if (tensor.scalar_type() == at::kDouble) move_by_one_unit<double>(tensor);
}

inline void call_and_round(const c10::OperatorHandle& operation, c10::DispatchKeySet keys,
                           torch::jit::Stack* stack) {
  const auto below = c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, kRoundingKey);
  operation.redispatchBoxed(keys & below, stack);
  std::string name = operation.schema().name().substr(std::string("aten::").size());
  if (name.ends_with('_')) name.pop_back();
  if (!freely_rounded().contains(name)) return;
  for (const c10::IValue& result : *stack) {
    if (result.isTensor()) round_otherwise(result.toTensor());
  }
}

class RoundsOtherwise {
 public:
  RoundsOtherwise() : library_(torch::Library::IMPL, "_", kRoundingKey, __FILE__, __LINE__) {
    library_.fallback(torch::CppFunction::makeFromBoxedFunction<&call_and_round>());
    c10::impl::tls_set_dispatch_key_included(kRoundingKey, true);
  }
  ~RoundsOtherwise() { c10::impl::tls_set_dispatch_key_included(kRoundingKey, false); }
  RoundsOtherwise(const RoundsOtherwise&) = delete;
  RoundsOtherwise& operator=(const RoundsOtherwise&) = delete;

 private:
  torch::Library library_;
};

}  // namespace bbg::testing
