#pragma once
// The named tensors of one network, in order of declaration, and where layers get them from. Values
// at the start depend on the seed and the parameter's name alone (docs/choices.md 49), so all ranks
// and all world sizes begin equal.

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "nn/settings.h"

namespace bbg::nn {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

enum class Start {
  kWeight,
  kInjected,  // for a map that adds the code to a 5x5 convolution: 25 times as wide with
              // Init::kNormal02 (docs/choices.md 61), else as kWeight
  kOrthogonal,
  kZero,
  kOne
};

class ParameterStore {
 public:
  // `prefix` ("G", "E", "D") only keys the random numbers. On the meta device there are shapes and
  // no values.
  ParameterStore(std::string prefix, uint64_t seed, Init init, at::TensorOptions options);

  at::Tensor add_parameter(const std::string& name, at::IntArrayRef shape, Start start,
                           at::MemoryFormat format = at::MemoryFormat::Contiguous);
  // Not trained: power-iteration vectors (normal = true: N(0, 1)) and running statistics.
  at::Tensor add_buffer(const std::string& name, at::IntArrayRef shape, double value,
                        bool normal = false);

  const std::vector<NamedTensor>& parameters() const { return parameters_; }
  const std::vector<NamedTensor>& buffers() const { return buffers_; }
  // The tensors that weight decay pulls to zero: all but gains of norms, which start at one.
  const std::vector<at::Tensor>& decayed() const { return decayed_; }
  const at::TensorOptions& options() const { return options_; }

 private:
  // Random values of the tensor of this name; float64, CPU.
  at::Tensor normal(const std::string& name, at::IntArrayRef shape) const;
  at::Tensor uniform(const std::string& name, at::IntArrayRef shape) const;  // in [0, 1)

  std::string prefix_;
  Init init_;
  uint64_t seed_;
  at::TensorOptions options_;
  std::vector<NamedTensor> parameters_, buffers_;
  std::vector<at::Tensor> decayed_;
};

// A place in the tree of names: Scope(store) / "blocks.0" / "conv1" gives names
// "blocks.0.conv1.weight".
class Scope {
 public:
  explicit Scope(ParameterStore& store, std::string path = "");
  Scope operator/(const std::string& name) const;
  // The same place, where weights start orthogonal whatever the store's init.
  Scope orthogonal() const;
  // Values do not depend on the format, in which they lie in memory.
  at::Tensor parameter(const std::string& name, at::IntArrayRef shape, Start start,
                       at::MemoryFormat format = at::MemoryFormat::Contiguous) const;
  at::Tensor buffer(const std::string& name, at::IntArrayRef shape, double value,
                    bool normal = false) const;
  ParameterStore& store() const { return *store_; }

 private:
  std::string full(const std::string& name) const;
  ParameterStore* store_;
  std::string path_;
  bool orthogonal_ = false;
};

}  // namespace bbg::nn
