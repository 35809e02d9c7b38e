// Values that parameters start with.
#include "nn/parameters.h"

#include <gtest/gtest.h>

#include "core/rng.h"
#include "support/threads_of_torch.h"

namespace bbg::nn {
namespace {

// Values come from one stream, whatever the number of threads that fill the tensor.
TEST(ParameterStore, NormalStartIsOneStreamNamedByTheParameter) {
  constexpr int64_t kCount = 50'001;
  core::RandomStream stream(9, core::Purpose::kInitialise, core::hash_name("X.weight"), 0);
  at::Tensor expected = at::empty({kCount}, at::kDouble);
  for (int64_t i = 0; i < kCount; ++i) expected.data_ptr<double>()[i] = 0.02 * stream.next_normal();
  for (const int threads : {1, 3}) {
    const testing::ThreadsOfTorch limit(threads);
    ParameterStore store("X", 9, Init::kNormal02, at::kDouble);
    EXPECT_TRUE(
        at::equal(store.add_parameter("weight", {kCount, 1}, Start::kWeight).flatten(), expected));
  }
}

TEST(ParameterStore, WithoutInitEverythingIsZero) {
  ParameterStore store("X", 9, Init::kNone, at::kDouble);
  for (const Start start : {Start::kWeight, Start::kOrthogonal, Start::kInjected, Start::kOne}) {
    EXPECT_EQ(store.add_parameter("weight", {3, 4}, start).abs().max().item<double>(), 0);
  }
}

}  // namespace
}  // namespace bbg::nn
