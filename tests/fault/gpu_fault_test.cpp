// The same with NCCL: two ranks that share one GPU, each as if on a host of its own, since NCCL
// refuses two on one.

#include "core/error.h"
#include "tests/support/has_gpu.h"
#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

using ::testing::HasSubstr;

class FaultyNcclRank : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::has_gpu()) GTEST_SKIP() << testing::kNoGpu;
  }
  test::Outcome run(const std::string& fault, int deadline_ms) {
    const auto rank = [&](const std::string& host) {
      return " -np 1 -x NCCL_SOCKET_IFNAME=lo -x NCCL_HOSTID=" + host + " " +
             test::program("faulty_ranks") + " " + fault + " 1 " + std::to_string(deadline_ms) +
             " " + test::shell_word(folder_ / "") + " cuda:0";
    };
    return test::run_command(folder_, BBG_MPIRUN + rank("first") + " :" + rank("second"));
  }
  test::TemporaryFolder folder_;
};

// Number 1 spreads NCCL's id. A round has an all_reduce and a broadcast: round 5 begins with 12.

TEST_F(FaultyNcclRank, ThatIsStoppedIsNamedWhenTheDeadlinePasses) {
  const test::Outcome outcome = run("stop", 4000);
  EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("rank 0: all_reduce #12 of nccl (4000 bytes) has waited"));
  EXPECT_THAT(outcome.err, HasSubstr("not there yet: rank 1 (at #11)"));
  const auto last = nlohmann::json::parse(
      test::read_file(folder_ / "collectives-nccl-rank-0.json"))["collectives"][11];
  EXPECT_EQ(last["operation"], "all_reduce");
  EXPECT_TRUE(last["left_s"].is_null());
}

TEST_F(FaultyNcclRank, ThatLeavesOutACollectiveIsFoundAtOnce) {
  const test::Outcome outcome = run("skip", 600'000);
  EXPECT_EQ(outcome.code, core::kExitRestart) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("#12"));
  EXPECT_THAT(outcome.err, HasSubstr("the ranks are out of order"));
}

TEST_F(FaultyNcclRank, ThatDiesOrThrowsEndsTheJob) {
  EXPECT_EQ(run("kill", 600'000).code, 137);
  const test::Outcome outcome = run("throw", 600'000);
  EXPECT_EQ(outcome.code, core::kExitRestart);
  EXPECT_THAT(outcome.err, HasSubstr("rank 1: a test's fault"));
}

}  // namespace
}  // namespace bbg
