#include "comm/exchange_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace bbg::comm {
namespace {

using ::testing::HasSubstr;

TEST(ExchangeOptions, RefuseBfloat16OnTheWireOfManyRanks) {
  ExchangeOptions halved{.wire = Wire::kBfloat16};
  halved.check_ranks(1);
  halved.check_ranks(128);
  ExchangeOptions().check_ranks(10'000);
  try {
    halved.check_ranks(129);
    FAIL() << "129 ranks were not refused";
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("at most 128 ranks, not 129"));
    EXPECT_THAT(error.what(), HasSubstr("lose"));
    EXPECT_THAT(error.hint(), HasSubstr("comm.wire = full"));
  }
}

}  // namespace
}  // namespace bbg::comm
