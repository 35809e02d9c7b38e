#pragma once
// An encoder trunk outside a network: its context and its parameters.

#include "nn/context.h"
#include "ops/cpu_ops.h"

namespace bbg::testing {

template <class Trunk>
struct LoneTrunk {
  // arguments: those of Trunk after the scope.
  template <class... Arguments>
  explicit LoneTrunk(comm::Communicator& communicator, at::TensorOptions tensor_options,
                     const Arguments&... arguments)
      : store("E", 3, nn::Init::kOrthogonal, tensor_options),
        context{.communicator = communicator, .ops = cpu, .settings = settings},
        trunk(context, nn::Scope(store), arguments...) {}

  at::Tensor operator()(const at::Tensor& x) { return trunk(x); }
  int64_t num_parameters() const {
    int64_t count = 0;
    for (const auto& parameter : store.parameters()) count += parameter.tensor.numel();
    return count;
  }
  std::vector<at::Tensor> gradients() const {
    std::vector<at::Tensor> all;
    for (const auto& parameter : store.parameters()) all.push_back(parameter.tensor.grad());
    return all;
  }

  const nn::Settings settings;
  nn::ParameterStore store;
  ops::CpuOps cpu;
  nn::Context context;
  Trunk trunk;
};

}  // namespace bbg::testing
