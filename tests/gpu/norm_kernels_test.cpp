// The passes of batch norm on a GPU, and what follows a convolution, against ATen's functions
// there.
#include "support/end_case.h"
#include "support/gpu_test.h"
#include "support/norm_case.h"

namespace bbg {
namespace {

using testing::NormCase;

using NormKernels = testing::OnGpu<::testing::TestWithParam<NormCase>>;

TEST_P(NormKernels, EqualsPlainFunctions) {
  testing::expect_plain_functions(GetParam(), device_, ops::cuda::norm_kernels());
}

INSTANTIATE_TEST_SUITE_P(Layouts, NormKernels, ::testing::ValuesIn(testing::norm_cases()));
INSTANTIATE_TEST_SUITE_P(Sizes, NormKernels, ::testing::ValuesIn(testing::norm_sizes()));

using ConvolutionEnd = testing::OnGpu<::testing::TestWithParam<testing::EndCase>>;

TEST_P(ConvolutionEnd, EqualsPlainFunctions) {
  testing::expect_plain_end(GetParam(), device_, ops::cuda::norm_kernels());
}

INSTANTIATE_TEST_SUITE_P(Cases, ConvolutionEnd, ::testing::ValuesIn(testing::end_cases()));

}  // namespace
}  // namespace bbg
