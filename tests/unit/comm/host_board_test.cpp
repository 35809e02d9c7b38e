#include "comm/host_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bbg::comm {
namespace {

using ::testing::ElementsAre;

// Ranks 4, 5 and 6 of a job, on one host.
class HostBoardTest : public ::testing::Test {
 protected:
  BoardEntry entries_[3] = {};
  HostBoard a_{entries_, 3, 0, 4}, b_{entries_, 3, 1, 5}, c_{entries_, 3, 2, 6};
};

TEST_F(HostBoardTest, KnowsItsRanksByTheirNumbersInTheJob) {
  EXPECT_THAT(b_.ranks(), ElementsAre(4, 5, 6));
  EXPECT_EQ(b_.sequence(), 0);
}

TEST_F(HostBoardTest, RanksThatAreBehindAreLate) {
  for (int64_t sequence = 1; sequence <= 3; ++sequence) a_.enter(sequence, Operation::kBarrier, 0);
  b_.enter(1, Operation::kBarrier, 0);
  EXPECT_EQ(a_.sequence(), 3);
  EXPECT_EQ(a_.late(3), "rank 5 (at #1), rank 6 (at #0)");
  EXPECT_EQ(a_.late(1), "rank 6 (at #0)");
  EXPECT_EQ(c_.late(1), "");  // a rank does not wait for itself
}

TEST_F(HostBoardTest, DeadRankIsToldFromASlowOne) {
  const pid_t gone = ::fork();
  if (gone == 0) ::_exit(0);
  int status = 0;
  ::waitpid(gone, &status, 0);
  entries_[2].process = gone;
  EXPECT_EQ(a_.late(1), "rank 5 (at #0), rank 6 (its process is gone)");
}

TEST_F(HostBoardTest, RanksThatEnteredSomethingElseUnderTheSameNumberDiffer) {
  const auto one = [](int64_t sequence, Operation operation, int64_t bytes) {
    return Collective{
        .sequence = sequence, .operation = operation, .bytes = bytes, .entered = {}, .left = {}};
  };
  a_.enter(1, Operation::kAllReduce, 400);
  b_.enter(1, Operation::kBroadcast, 400);
  EXPECT_EQ(a_.differing(one(1, Operation::kAllReduce, 400)), "rank 5 entered broadcast");
  c_.enter(1, Operation::kAllReduce, 404);
  EXPECT_EQ(a_.differing(one(1, Operation::kAllReduce, 400)),
            "rank 5 entered broadcast, rank 6 entered one of another size");
  a_.enter(2, Operation::kAgree, 4);
  EXPECT_EQ(a_.differing(one(2, Operation::kAgree, 4)), "");  // the others have not come to it
  // The place of number 1 is taken by another after kRecent.
  for (int64_t sequence = 2; sequence <= 1 + BoardEntry::kRecent; ++sequence) {
    b_.enter(sequence, Operation::kBarrier, 0);
  }
  EXPECT_EQ(a_.differing(one(1, Operation::kAllReduce, 400)), "rank 6 entered one of another size");
}

TEST_F(HostBoardTest, ExpiredWaitIsSeenByAll) {
  EXPECT_FALSE(c_.is_any_expired());
  a_.set_expired();
  EXPECT_TRUE(c_.is_any_expired());
}

}  // namespace
}  // namespace bbg::comm
