// The passes of batch norm on a GPU against ATen's functions there.
#include "support/gpu_test.h"
#include "support/norm_case.h"

namespace bbg {
namespace {

using testing::NormCase;

using NormKernels = testing::OnGpu<::testing::TestWithParam<NormCase>>;

TEST_P(NormKernels, EqualsPlainFunctions) { testing::expect_plain_functions(GetParam(), device_); }

INSTANTIATE_TEST_SUITE_P(Layouts, NormKernels, ::testing::ValuesIn(testing::norm_cases()));
// Rows longer than a block of threads, many rows for the blocks to share, and each of both alone.
INSTANTIATE_TEST_SUITE_P(
    Sizes, NormKernels,
    ::testing::Values(NormCase{{5, 4096}, "channel", true, false, at::kFloat},
                      NormCase{{3, 8200}, "sample", true, false, at::kBFloat16},
                      NormCase{{2, 1028, 5, 5}, "sample", true, true},
                      NormCase{{7, 96, 40, 40}, "sample", true, true},
                      NormCase{{1, 2, 300, 300}, "channel", true, true},
                      NormCase{{3, 24, 65, 33}, "channel", false, true, at::kBFloat16}));

}  // namespace
}  // namespace bbg
