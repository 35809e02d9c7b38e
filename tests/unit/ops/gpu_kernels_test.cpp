// The GPU's kernels and the host code that starts them, where there is no GPU: run by
// support/cuda_emulator.h against ATen's functions; and compiled by NVRTC as they will be.
#include <gtest/gtest.h>

#include "core/error.h"
#include "ops/cuda_program.h"
#include "support/cuda_emulator.h"
#include "support/end_case.h"
#include "support/norm_case.h"
#include "support/weight_case.h"

namespace bbg {
namespace {

using namespace testing;

class EmulatedNorm : public ::testing::TestWithParam<NormCase> {};

TEST_P(EmulatedNorm, EqualsPlainFunctions) {
  for (const Order order : {Order::kForward, Order::kBackward}) {
    EmulatedGpu gpu(order);
    expect_plain_norm(GetParam(), at::kCPU, gpu.ops);
    EXPECT_GT(gpu.num_launches, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, EmulatedNorm, ::testing::ValuesIn(norm_cases()));
INSTANTIATE_TEST_SUITE_P(Sizes, EmulatedNorm, ::testing::ValuesIn(norm_sizes()));

class EmulatedEnd : public ::testing::TestWithParam<EndCase> {};

TEST_P(EmulatedEnd, EqualsPlainFunctions) {
  int64_t num_launches = 0;
  ops::NormKernels kernels(emulated(Order::kForward, num_launches));
  expect_plain_end(GetParam(), at::kCPU, kernels);
}

INSTANTIATE_TEST_SUITE_P(Cases, EmulatedEnd, ::testing::ValuesIn(end_cases()));

class EmulatedWeights : public ::testing::TestWithParam<WeightCase> {};

TEST_P(EmulatedWeights, EqualPlainFunctions) {
  for (const Order order : {Order::kForward, Order::kBackward}) {
    EmulatedGpu gpu(order);
    expect_plain_weights(GetParam(), at::kCPU, gpu.ops);
    EXPECT_GT(gpu.num_launches, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, EmulatedWeights, ::testing::ValuesIn(weight_cases()));

TEST(EmulatedWeights, MakePowerIterations) {
  for (const Order order : {Order::kForward, Order::kBackward}) {
    EmulatedGpu gpu(order);
    expect_plain_iterations(at::kDouble, at::kCPU, gpu.ops);
    expect_plain_iterations(at::kFloat, at::kCPU, gpu.ops);
    EXPECT_GT(gpu.num_launches, 0);
  }
}

TEST(EmulatedWeights, TakeWhatTheirTilesHold) {
  const auto takes = [](at::IntArrayRef shape, ops::Resample resample,
                        at::ScalarType type = at::kFloat) {
    return ops::WeightKernels::takes(at::empty(shape, type), resample);
  };
  EXPECT_TRUE(takes({8, 4, 4, 4}, ops::Resample::kNone));
  EXPECT_FALSE(takes({8, 4, 5, 5}, ops::Resample::kNone));
  EXPECT_FALSE(takes({8, 4, 1, 1}, ops::Resample::kPoolAfter));
  EXPECT_FALSE(takes({8, 4, 3, 1}, ops::Resample::kNone));
  EXPECT_FALSE(takes({0, 4}, ops::Resample::kNone));
  EXPECT_FALSE(takes({65536, 4}, ops::Resample::kNone));
  EXPECT_FALSE(takes({8, 4}, ops::Resample::kNone, at::kHalf));
  EXPECT_FALSE(ops::WeightKernels::takes(at::empty({4, 8}).t(), ops::Resample::kNone));
}

#ifdef BBG_CUDA
// NVRTC needs no GPU to compile for one.
TEST(GpuKernels, Compile) {
  const auto compile = [](const ops::KernelSource& source, at::ScalarType stored,
                          at::ScalarType arithmetic, int64_t width) {
    const std::vector<char> code = ops::compile_cuda(
        source.text, "sm_90", ops::KernelPrograms::definitions(stored, arithmetic, width));
    const std::string text(code.begin(), code.end());
    for (const ops::Kernel& kernel : source.kernels) {
      EXPECT_NE(text.find(std::string(".text.") + kernel.name), std::string::npos) << kernel.name;
    }
  };
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const at::ScalarType arithmetic = type == at::kBFloat16 ? at::kFloat : type;
    for (const int64_t width : {1, 16 / static_cast<int>(at::elementSize(type))}) {
      compile(ops::norm_source(), type, arithmetic, width);
    }
    compile(ops::weights_source(), type, arithmetic, 1);
  }
  try {
    ops::compile_cuda("no C++", "sm_90", {});
    FAIL();
  } catch (const core::SystemError& error) {
    EXPECT_NE(std::string(error.what()).find("kernels.cu(1)"), std::string::npos) << error.what();
  }
}
#endif

}  // namespace
}  // namespace bbg
