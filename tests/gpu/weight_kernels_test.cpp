// Kernels for weights on a GPU against ATen's functions there.
#include "support/gpu_test.h"
#include "support/weight_case.h"

namespace bbg {
namespace {

using testing::WeightCase;

using WeightKernels = testing::OnGpu<::testing::TestWithParam<WeightCase>>;

TEST_P(WeightKernels, EqualPlainFunctions) {
  testing::expect_plain_weights(GetParam(), device_, *ops_);
}

INSTANTIATE_TEST_SUITE_P(Shapes, WeightKernels, ::testing::ValuesIn(testing::weight_cases()));

using WeightIterations = testing::OnGpu<::testing::Test>;

TEST_F(WeightIterations, EqualPlainFunctions) {
  testing::expect_plain_iterations(at::kDouble, device_, *ops_);
  testing::expect_plain_iterations(at::kFloat, device_, *ops_);
}

}  // namespace
}  // namespace bbg
