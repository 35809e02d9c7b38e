#include "nn/attention.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "ops/cpu_ops.h"

namespace bbg {
namespace {

TEST(Attention, IsTheSameInPartsWhereNothingIsKeptForBackward) {
  comm::SelfCommunicator alone;
  ops::CpuOps cpu;
  const nn::Settings settings;
  nn::Context context{.communicator = alone, .ops = cpu, .settings = settings};
  nn::ParameterStore store("X", 3, nn::Init::kOrthogonal, at::kDouble);
  const nn::Attention attention(context, nn::Scope(store), 8);
  context.ops.iterate(context.spectral_weights, settings.sn_eps, /*move=*/true);
  const at::NoGradGuard no_grad;
  for (const nn::NamedTensor& parameter : store.parameters()) {
    if (parameter.name == "gamma") parameter.tensor.fill_(0.7);  // it starts at 0
  }
  // Eight images of 64 x 64 at once: parts of 8, 8 and 4.
  const at::Tensor x =
      at::sin(at::arange(20 * 8 * 64 * 64, at::kDouble) * 0.37).view({20, 8, 64, 64});
  const auto with_gradients = [&] {
    const at::AutoGradMode grad(true);
    return attention(x);
  };
  const at::Tensor whole = with_gradients();
  EXPECT_TRUE(whole.requires_grad());
  EXPECT_GT((whole - x).abs().max().item<double>(), 0.01);
  EXPECT_TRUE(at::equal(attention(x), whole));
}

}  // namespace
}  // namespace bbg
