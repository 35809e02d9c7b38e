#pragma once
// Tensors that go into others of the same names: the one place that looks them up and compares
// shapes and types. Strict, for a state that must be whole, or as far as they fit, for a new run
// that starts from the networks of another.

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "nn/network.h"
#include "nn/parameters.h"

namespace bbg::nn {

// Parameters and buffers, named `prefix`.<name>; the tensors are the network's own.
std::vector<NamedTensor> tensors_of(const Network& network, const std::string& prefix);

enum class Fit { kFits, kMissing, kOtherShape, kOtherType };

class NamedSource {
 public:
  // Names are unique, as in core::StateDict.
  explicit NamedSource(const std::vector<std::pair<std::string, at::Tensor>>& tensors);

  size_t size() const { return tensors_.size(); }
  Fit fit(const NamedTensor& target) const;

  struct Misfit {
    std::string name;
    Fit fit;
    std::string text;  // "it lacks 'G.w'", "'G.w' is [2] of type Float there, [3] ... here"
  };
  // The first target that does not fit; none: copy() will succeed.
  std::optional<Misfit> first_misfit(const std::vector<NamedTensor>& targets) const;
  // Into all targets, which fit.
  void copy(const std::vector<NamedTensor>& targets) const;

  // Where name and shape are there, whatever the type. Says what it found, never kOtherType.
  Fit copy_if_it_fits(const NamedTensor& target) const;

 private:
  std::unordered_map<std::string, at::Tensor> tensors_;
};

}  // namespace bbg::nn
