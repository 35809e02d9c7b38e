#include "comm/collective_record.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace bbg::comm {
namespace {

TEST(CollectiveRecord, OldestUnderWayIsTheFirstThatWasNotLeft) {
  CollectiveRecord record;
  EXPECT_TRUE(record.is_empty());
  record.enter(1, Operation::kAllReduce, 400);
  record.enter(2, Operation::kBroadcast, 8);
  record.enter(3, Operation::kBarrier, 0);
  EXPECT_EQ(record.newest().title(), "barrier #3");
  record.leave(1);
  EXPECT_EQ(record.oldest_under_way().title(), "broadcast #2");
  record.leave(3);  // out of order, as from two streams
  EXPECT_EQ(record.oldest_under_way().sequence, 2);
  record.leave(2);
  EXPECT_FALSE(record.is_under_way());
  EXPECT_EQ(record.newest().sequence, 3);
}

TEST(CollectiveRecord, OldestWaitsSinceItWasEnteredOrTheOneBeforeItWasLeft) {
  CollectiveRecord record;
  record.enter(1, Operation::kAllReduce, 400);
  EXPECT_EQ(record.waits_since(), record.oldest_under_way().entered);
  record.enter(2, Operation::kAllReduce, 400);
  record.leave(1);
  EXPECT_GE(record.waits_since(), record.oldest_under_way().entered);
  EXPECT_EQ(record.list()[0]["left_s"].is_null(), false);
}

TEST(CollectiveRecord, OneThatIsGivenUpIsRememberedAndNotWaitedFor) {
  CollectiveRecord record;
  record.enter(1, Operation::kAgree, 4);
  record.give_up_newest();
  EXPECT_FALSE(record.is_under_way());
  EXPECT_EQ(record.newest().title(), "agree #1");
  EXPECT_TRUE(record.list()[0]["left_s"].is_null());
}

TEST(CollectiveRecord, ListHoldsTheNewestOldestFirst) {
  CollectiveRecord record;
  EXPECT_TRUE(record.list().empty());
  // As where the board has been in use before.
  for (int64_t sequence = 7; sequence < 10; ++sequence)
    record.enter(sequence, Operation::kText, -1);
  ASSERT_EQ(record.list().size(), 3u);
  EXPECT_EQ(record.list()[0]["sequence"], 7);
  EXPECT_EQ(record.list()[0]["operation"], "all_gather_text");
  EXPECT_EQ(record.list()[0]["bytes"], -1);
  for (int64_t sequence = 10; sequence <= 2000; ++sequence) {
    record.enter(sequence, Operation::kBarrier, 0);
    record.leave(sequence);
  }
  const auto list = record.list();
  ASSERT_EQ(list.size(), static_cast<size_t>(CollectiveRecord::kRemembered));
  EXPECT_EQ(list.front()["sequence"], 2000 - CollectiveRecord::kRemembered + 1);
  EXPECT_EQ(list.back()["sequence"], 2000);
}

}  // namespace
}  // namespace bbg::comm
