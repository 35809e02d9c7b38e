// Before the tests of every program that uses libtorch, as the programs do it.
#include "core/first_calls.h"

#include <gtest/gtest.h>

namespace bbg::testing {
namespace {

class FirstCalls final : public ::testing::Environment {
  void SetUp() override { core::make_first_calls(); }
};

[[maybe_unused]] const ::testing::Environment* const first_calls =
    ::testing::AddGlobalTestEnvironment(new FirstCalls);

}  // namespace
}  // namespace bbg::testing
