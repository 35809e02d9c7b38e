// The passes of batch norm on a GPU against ATen's functions there.
#include "support/gpu_test.h"
#include "support/norm_case.h"

namespace bbg {
namespace {

using testing::NormCase;

using NormKernels = testing::OnGpu<::testing::TestWithParam<NormCase>>;

TEST_P(NormKernels, EqualsPlainFunctions) {
  testing::expect_plain_functions(GetParam(), device_, testing::ChosenPasses());
}

INSTANTIATE_TEST_SUITE_P(Layouts, NormKernels, ::testing::ValuesIn(testing::norm_cases()));
INSTANTIATE_TEST_SUITE_P(Sizes, NormKernels, ::testing::ValuesIn(testing::norm_sizes()));

}  // namespace
}  // namespace bbg
