#pragma once
// The passes of norm_kernels.h on a GPU, each reading its inputs and writing its output once, and
// the addition of a convolution's bias. float32, float64 and bfloat16; tensors are channels-last,
// others are brought there. Sums are taken in an order that depends on the shape alone. Without
// BBG_CUDA they take nothing.

#include <string>
#include <vector>

#include "model/norm_kernels.h"

namespace bbg::model::cuda {

// Whether these functions take x.
bool has_kernel(const at::Tensor& x);

std::pair<at::Tensor, at::Tensor> channel_moments(const at::Tensor& x);
at::Tensor norm_forward(const at::Tensor& x, const NormTerms& terms);
std::pair<at::Tensor, at::Tensor> norm_gradient_sums(const at::Tensor& x, const at::Tensor& g,
                                                     const NormTerms& terms);
at::Tensor norm_gradient_input(const at::Tensor& x, const at::Tensor& g, const NormTerms& terms,
                               const at::Tensor& mean_g, const at::Tensor& mean_gn);

// x += bias, in place. x: [N, C, H, W] that has_kernel(), channels-last; bias: [C], of its type.
void add_bias(const at::Tensor& x, const at::Tensor& bias);

// The source of the kernels, and what is defined for values of this type in packs of `width`: for a
// test that compiles them where there is no GPU. With BBG_CUDA only.
const char* source();
std::vector<std::string> definitions(at::ScalarType type, int64_t width);

}  // namespace bbg::model::cuda
