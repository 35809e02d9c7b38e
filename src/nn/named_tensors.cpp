#include "nn/named_tensors.h"

#include <ATen/core/grad_mode.h>

#include "core/error.h"

namespace bbg::nn {

namespace {

// "[2, 3] of type Float"
std::string text_of(const at::Tensor& tensor) {
  std::string text = "[";
  for (int64_t i = 0; i < tensor.dim(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(tensor.size(i));
  }
  return text + "] of type " + at::toString(tensor.scalar_type());
}

}  // namespace

std::vector<NamedTensor> tensors_of(const Network& network, const std::string& prefix) {
  std::vector<NamedTensor> all;
  for (const auto* list : {&network.store().parameters(), &network.store().buffers()}) {
    for (const NamedTensor& entry : *list) all.push_back({prefix + "." + entry.name, entry.tensor});
  }
  return all;
}

NamedSource::NamedSource(const std::vector<std::pair<std::string, at::Tensor>>& tensors)
    : tensors_(tensors.begin(), tensors.end()) {}

Fit NamedSource::fit(const NamedTensor& target) const {
  const auto found = tensors_.find(target.name);
  if (found == tensors_.end()) return Fit::kMissing;
  if (found->second.sizes() != target.tensor.sizes()) return Fit::kOtherShape;
  if (found->second.scalar_type() != target.tensor.scalar_type()) return Fit::kOtherType;
  return Fit::kFits;
}

std::optional<NamedSource::Misfit> NamedSource::first_misfit(
    const std::vector<NamedTensor>& targets) const {
  for (const NamedTensor& target : targets) {
    const Fit found = fit(target);
    if (found == Fit::kFits) continue;
    const std::string quoted = "'" + target.name + "'";
    return Misfit{target.name, found,
                  found == Fit::kMissing ? "it lacks " + quoted
                                         : quoted + " is " + text_of(tensors_.at(target.name)) +
                                               " there, " + text_of(target.tensor) + " here"};
  }
  return std::nullopt;
}

void NamedSource::copy(const std::vector<NamedTensor>& targets) const {
  const at::NoGradGuard no_grad;
  for (const NamedTensor& target : targets) {
    BBG_CHECK(fit(target) == Fit::kFits, "a tensor is copied that does not fit: " + target.name);
    at::Tensor(target.tensor).copy_(tensors_.at(target.name));
  }
}

Fit NamedSource::copy_if_it_fits(const NamedTensor& target) const {
  const Fit found = fit(target);
  if (found == Fit::kMissing || found == Fit::kOtherShape) return found;
  const at::NoGradGuard no_grad;
  at::Tensor(target.tensor).copy_(tensors_.at(target.name));
  return Fit::kFits;
}

}  // namespace bbg::nn
