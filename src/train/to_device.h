#pragma once
// Host data on its way to where a network computes.

#include <ATen/ATen.h>

namespace bbg::train {

// `host`, of any shape and on the CPU, with the type and on the device of `options`. To a GPU it
// goes through page-locked memory on the current stream: the caller does not wait for the copy, and
// may change or free `host` at once.
at::Tensor to_device(const at::Tensor& host, const at::TensorOptions& options);

}  // namespace bbg::train
