// The passes of batch norm and the epilogue of convolutions on a GPU against ATen's functions
// there.
#include "ops/cuda_program.h"
#include "support/end_case.h"
#include "support/gpu_test.h"
#include "support/norm_case.h"

namespace bbg {
namespace {

using testing::NormCase;

using NormKernels = testing::OnGpu<::testing::TestWithParam<NormCase>>;

TEST_P(NormKernels, EqualsPlainFunctions) {
  testing::expect_plain_norm(GetParam(), device_, *ops_);
}

INSTANTIATE_TEST_SUITE_P(Layouts, NormKernels, ::testing::ValuesIn(testing::norm_cases()));
INSTANTIATE_TEST_SUITE_P(Sizes, NormKernels, ::testing::ValuesIn(testing::norm_sizes()));

class ConvolutionEnd : public testing::OnGpu<::testing::TestWithParam<testing::EndCase>> {
 protected:
  static void SetUpTestSuite() {
    kernels_ = std::make_unique<ops::NormKernels>(ops::make_cuda_program);
  }
  static void TearDownTestSuite() { kernels_.reset(); }

  inline static std::unique_ptr<ops::NormKernels> kernels_;
};

TEST_P(ConvolutionEnd, EqualsPlainFunctions) {
  testing::expect_plain_end(GetParam(), device_, *kernels_);
}

INSTANTIATE_TEST_SUITE_P(Cases, ConvolutionEnd, ::testing::ValuesIn(testing::end_cases()));

}  // namespace
}  // namespace bbg
