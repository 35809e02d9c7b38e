#pragma once
// The common part of G, E and D: parameters, buffers, mode, and the once-per-sub-step work. One
// thread at a time.

#include <memory>

#include "nn/backend.h"
#include "nn/context.h"

namespace bbg::nn {

class Network {
 public:
  Network(std::string prefix, const Settings& settings, const Backend& backend, uint64_t seed);
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  ParameterStore& store() { return store_; }
  const ParameterStore& store() const { return store_; }
  int64_t num_parameters() const;
  std::vector<at::Tensor> parameter_tensors() const;  // the store's, in its order

  void set_mode(Mode mode) { context_.mode = mode; }
  Mode mode() const { return context_.mode; }
  void set_requires_grad(bool requires_grad);
  // Running means and variances of norms; they share memory with buffers of the store.
  const std::vector<at::Tensor>& statistics() const { return context_.statistics; }

  // Before the first forward of each sub-step: makes the power iterations. In kTrain their vectors
  // move; otherwise one iteration is made and forgotten (docs/choices.md 39, 40).
  void begin_substep();
  // Between two backward passes of one sub-step: the next forward starts a graph of its own, of the
  // same values.
  void renew_weights();

  // Standing statistics: between the two, forwards in mode kStanding are averaged into the running
  // statistics.
  void begin_standing();
  void finish_standing();

 protected:
  Context& context() { return context_; }
  Scope root() { return Scope(store_); }

 private:
  Settings settings_;
  ParameterStore store_;
  Context context_;
};

// Copies parameters and buffers by position; both networks have the same structure.
void copy_state(const Network& from, Network& to);

}  // namespace bbg::nn
