#pragma once
// Comparison of an encoder trunk with its PyTorch dump.

#include "support/golden.h"
#include "support/lone_trunk.h"

namespace bbg::testing {

template <class Trunk>
void load_golden(LoneTrunk<Trunk>& net, const Golden& golden) {
  const at::NoGradGuard no_grad;
  for (const auto* entries : {&net.store.parameters(), &net.store.buffers()}) {
    for (const auto& entry : *entries) {
      const at::Tensor& value = golden["init." + entry.name];
      ASSERT_EQ(value.sizes(), entry.tensor.sizes()) << entry.name;
      at::Tensor(entry.tensor).copy_(value);
    }
  }
}

// One training forward and backward of a trunk that has the dump's initial state.
template <class Trunk>
void expect_golden_training(LoneTrunk<Trunk>& net, const Golden& golden) {
  const at::Tensor x = golden["in.x"].clone().set_requires_grad(true);
  const at::Tensor feature = net(x);
  expect_near(feature, golden["out.feature"], "feature");
  (feature * golden["in.upstream"]).sum().backward();
  expect_near(x.grad(), golden["grad.x"], "gradient of x");
  for (const auto& parameter : net.store.parameters()) {
    expect_near(parameter.tensor.grad(), golden["grad." + parameter.name], parameter.name);
  }
  for (const auto& buffer : net.store.buffers()) {
    expect_near(buffer.tensor, golden["after." + buffer.name], buffer.name);
  }
}

// Evaluation with the dump's statistics after that forward, whatever the grad mode.
template <class Trunk>
void expect_golden_evaluation(LoneTrunk<Trunk>& net, const Golden& golden, const std::string& key) {
  for (const auto& buffer : net.store.buffers()) {
    at::Tensor(buffer.tensor).copy_(golden["after." + buffer.name]);
  }
  net.context.mode = model::Mode::kEvaluate;
  expect_near(net(golden["in.x"]).detach(), golden[key], key);
  const at::NoGradGuard no_grad;
  expect_near(net(golden["in.x"]), golden[key], key + " without grad");
  for (const auto& buffer : net.store.buffers()) {
    EXPECT_TRUE(at::equal(buffer.tensor, golden["after." + buffer.name])) << buffer.name;
  }
}

}  // namespace bbg::testing
