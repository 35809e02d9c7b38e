// The arena takes parameters over as they are: values, strides, identity, and gradients.
#include "train/arena.h"

#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "nn/layers.h"
#include "nn/network.h"
#include "ops/cpu_ops.h"

namespace bbg::train {
namespace {

at::Tensor wave(at::IntArrayRef shape, double frequency) {
  return at::sin(at::arange(c10::multiply_integers(shape), at::kDouble) * frequency).view(shape);
}

TEST(Arena, KeepsValuesStridesAndIdentity) {
  const std::vector<at::Tensor> before = {
      wave({3, 5}, 0.3), wave({}, 1), wave({4, 3, 3, 3}, 0.7),
      wave({4, 3, 3, 3}, 0.9).contiguous(at::MemoryFormat::ChannelsLast)};
  std::vector<nn::NamedTensor> parameters;
  for (const at::Tensor& value : before) {
    parameters.push_back({"p" + std::to_string(parameters.size()),
                          value.clone(at::MemoryFormat::Preserve).set_requires_grad(true)});
  }
  Arena arena(parameters, /*has_gradients=*/true, /*unit=*/64);
  EXPECT_EQ(arena.values().numel() % 64, 0);
  for (size_t i = 0; i < before.size(); ++i) {
    const at::Tensor& parameter = parameters[i].tensor;
    EXPECT_TRUE(at::equal(parameter, before[i])) << i;
    EXPECT_EQ(parameter.strides(), before[i].strides()) << i;
    EXPECT_EQ(parameter.grad().strides(), before[i].strides()) << i;
    EXPECT_TRUE(parameter.is_alias_of(arena.values()));
    EXPECT_TRUE(parameter.grad().is_alias_of(arena.gradients()));
  }
  // Backward adds in place, and views of a buffer of the layout name the same elements.
  at::Tensor total = at::zeros({}, at::kDouble);
  for (const nn::NamedTensor& parameter : parameters) {
    total = total + (parameter.tensor.square() * 3).sum();
  }
  total.backward();
  EXPECT_TRUE(at::allclose(arena.gradients(), 6 * arena.values(), 1e-15, 1e-15));
  const std::vector<nn::NamedTensor> views = arena.views(arena.values() * 2);
  for (const nn::NamedTensor& view : views) {
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].name == view.name) {
        EXPECT_TRUE(at::equal(view.tensor, before[i] * 2)) << view.name;
      }
    }
  }
  EXPECT_EQ(views.size(), before.size());
  EXPECT_EQ(views[0].name, "p3");  // the last declared comes first
}

TEST(Arena, ConvolutionsLieAsTheyAreComputed) {
  struct Net : nn::Network {
    Net(const nn::Settings& settings, const nn::Backend& backend)
        : Network("N", settings, backend, 1),
          plain(context(), root() / "plain", {.in = 8, .out = 8, .kernel = 3}, false),
          spectral(context(), root() / "spectral", {.in = 8, .out = 8, .kernel = 3}, true) {}
    nn::Conv plain, spectral;
  };
  comm::SelfCommunicator communicator;
  ops::CpuOps cpu;
  Net net({}, {communicator, cpu, at::kFloat});
  Arena arena(net.store().parameters());
  for (const nn::NamedTensor& parameter : net.store().parameters()) {
    if (parameter.tensor.dim() != 4) continue;
    const bool is_spectral = parameter.name.find("spectral") != std::string::npos;
    EXPECT_EQ(parameter.tensor.is_contiguous(at::MemoryFormat::ChannelsLast), !is_spectral);
    EXPECT_EQ(parameter.tensor.is_contiguous(), is_spectral);
  }
  // The gradient arrives in the arena.
  net.begin_substep();
  net.plain(ops::channels_last(at::ones({2, 8, 4, 4}))).sum().backward();
  EXPECT_GT(arena.gradients().abs().sum().item<float>(), 1);
}

}  // namespace
}  // namespace bbg::train
