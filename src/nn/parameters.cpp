#include "nn/parameters.h"

#include <ATen/Parallel.h>
#include <ATen/ops/linalg_qr.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "core/error.h"
#include "core/rng.h"

namespace bbg::nn {

namespace {

bool follows_init(Start start) { return start == Start::kWeight || start == Start::kInjected; }

}  // namespace

ParameterStore::ParameterStore(std::string prefix, uint64_t seed, Init init,
                               at::TensorOptions options)
    : prefix_(std::move(prefix)), init_(init), seed_(seed), options_(options) {}

at::Tensor ParameterStore::normal(const std::string& name, at::IntArrayRef shape) const {
  at::Tensor values = at::empty(shape, at::kDouble);
  const std::span all(values.data_ptr<double>(), static_cast<size_t>(values.numel()));
  constexpr int64_t kOfBlock = 4, kBlocksApiece = 4096;
  at::parallel_for(0, (values.numel() + kOfBlock - 1) / kOfBlock, kBlocksApiece,
                   [&](int64_t first, int64_t end) {
                     core::RandomStream stream(seed_, core::Purpose::kInitialise,
                                               core::hash_name(prefix_ + "." + name), 0);
                     stream.skip_blocks(static_cast<uint32_t>(first));
                     const int64_t last = std::min(end * kOfBlock, values.numel());
                     stream.fill_normal(all.subspan(static_cast<size_t>(first * kOfBlock),
                                                    static_cast<size_t>(last - first * kOfBlock)));
                   });
  return values;
}

at::Tensor ParameterStore::uniform(const std::string& name, at::IntArrayRef shape) const {
  at::Tensor values = at::empty(shape, at::kDouble);
  core::RandomStream stream(seed_, core::Purpose::kInitialise,
                            core::hash_name(prefix_ + "." + name), 0);
  for (double& value : std::span(values.data_ptr<double>(), static_cast<size_t>(values.numel()))) {
    value = stream.next_uniform();
  }
  return values;
}

at::Tensor ParameterStore::add_parameter(const std::string& name, at::IntArrayRef shape,
                                         Start start, at::MemoryFormat format) {
  at::Tensor value;
  if (options_.device().is_meta()) {
    value = at::empty(shape, options_);  // shapes alone, for counting
  } else if (start == Start::kZero || init_ == Init::kNone) {
    value = at::zeros(shape, options_);
  } else if (start == Start::kOne) {
    value = at::ones(shape, options_);
  } else if (follows_init(start) && init_ == Init::kNormal02) {
    value = (normal(name, shape) * (start == Start::kInjected ? 0.5 : 0.02)).to(options_);
  } else if (follows_init(start) && init_ == Init::kXavier) {
    const int64_t field = shape.size() > 2 ? c10::multiply_integers(shape.slice(2)) : 1;
    const double bound = std::sqrt(6.0 / static_cast<double>((shape[0] + shape[1]) * field));
    value = (uniform(name, shape) * (2 * bound) - bound).to(options_);
  } else {
    // Orthogonal on [shape[0], rest]: QR of a normal matrix, columns' signs fixed by R so that the
    // law is Haar's.
    BBG_CHECK(shape.size() >= 2, "orthogonal start needs a matrix: " + name);
    const int64_t rows = shape[0], columns = c10::multiply_integers(shape.slice(1));
    const auto [q, r] =
        at::linalg_qr(normal(name, {std::max(rows, columns), std::min(rows, columns)}), "reduced");
    at::Tensor matrix = q * at::where(at::diagonal(r) < 0, -1.0, 1.0);
    if (rows < columns) matrix = matrix.t();
    value = matrix.reshape(shape).contiguous().to(options_);
  }
  value = value.contiguous(format);
  value.set_requires_grad(true);
  parameters_.push_back({name, value});
  if (start != Start::kOne) decayed_.push_back(value);
  return value;
}

at::Tensor ParameterStore::add_buffer(const std::string& name, at::IntArrayRef shape, double value,
                                      bool normal_start) {
  const bool is_drawn = normal_start && !options_.device().is_meta();
  at::Tensor tensor =
      is_drawn ? normal(name, shape).to(options_) : at::full(shape, value, options_);
  buffers_.push_back({name, tensor});
  return tensor;
}

Scope::Scope(ParameterStore& store, std::string path) : store_(&store), path_(std::move(path)) {}

Scope Scope::operator/(const std::string& name) const {
  Scope inner(*store_, full(name));
  inner.orthogonal_ = orthogonal_;
  return inner;
}

Scope Scope::orthogonal() const {
  Scope same = *this;
  same.orthogonal_ = true;
  return same;
}

at::Tensor Scope::parameter(const std::string& name, at::IntArrayRef shape, Start start,
                            at::MemoryFormat format) const {
  const bool replaced = orthogonal_ && follows_init(start);
  return store_->add_parameter(full(name), shape, replaced ? Start::kOrthogonal : start, format);
}

at::Tensor Scope::buffer(const std::string& name, at::IntArrayRef shape, double value,
                         bool normal) const {
  return store_->add_buffer(full(name), shape, value, normal);
}

std::string Scope::full(const std::string& name) const {
  return path_.empty() ? name : path_ + "." + name;
}

}  // namespace bbg::nn
