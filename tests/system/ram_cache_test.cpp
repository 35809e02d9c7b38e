// data.cache = ram on several ranks of a real run. That nothing of it stays behind: see
// tests/fault/launch_test.cpp.

#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

class SharedSamples : public test::BbgDist {};

// Five steps of three batches: every sample is read several times, and by both ranks.
TEST_F(SharedSamples, GiveTheSameRunAsFiles) {
  const std::string steps = "--run.steps 5 --data.flip true ";
  ASSERT_EQ(train(2, "files", steps).code, 0);
  const test::Outcome outcome = train(2, "memory", steps + "--data.cache ram");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  expect_equal_bits("files", "memory", 5);
}

}  // namespace
}  // namespace bbg
