#include "comm/watchdog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>

namespace bbg::comm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A board as three ranks of one host would share it.
struct Board {
  BoardEntry entries[3] = {};
  void set(int rank, int64_t sequence, int64_t process) {
    entries[rank].rank = rank + 1;
    entries[rank].sequence = sequence;
    entries[rank].process = process;
  }
};

std::string message_of_expired_wait(Board& board, int world) {
  std::promise<std::string> message;
  Watchdog watchdog(0, world, 20, board.entries, 3, 0,
                    [&](const std::string& text) { message.set_value(text); });
  const Watchdog::Guard guard(watchdog, "all_reduce", 400);
  return message.get_future().get();
}

TEST(Watchdog, NamesOperationNumberAndTheRanksThatAreBehind) {
  Board board;
  board.set(0, 6, 0);  // the guard makes this 7
  board.set(1, 7, ::getpid());
  board.set(2, 5, ::getpid());
  const std::string text = message_of_expired_wait(board, 3);
  EXPECT_THAT(text, HasSubstr("rank 0: all_reduce #7 (400 bytes)"));
  EXPECT_THAT(text, HasSubstr("not there yet: rank 2 (at #5)"));
  EXPECT_THAT(text, Not(HasSubstr("rank 1")));
  EXPECT_THAT(text, HasSubstr("exit code 75"));
}

TEST(Watchdog, TellsTheDeadFromTheSlow) {
  // A child that has been waited for: its number is free, so no such process exists.
  const pid_t gone = ::fork();
  if (gone == 0) ::_exit(0);
  int status = 0;
  ::waitpid(gone, &status, 0);
  Board board;
  board.set(1, 0, gone);
  board.set(2, 1, ::getpid());
  EXPECT_THAT(message_of_expired_wait(board, 3), HasSubstr("rank 1 (its process is gone)"));
}

TEST(Watchdog, PointsAtOtherHostsWhenAllOfThisOneAreThere) {
  Board board;
  board.set(1, 1, ::getpid());
  board.set(2, 1, ::getpid());
  EXPECT_THAT(message_of_expired_wait(board, 8), HasSubstr("a rank of another host is late"));
}

TEST(Watchdog, IsSilentBetweenCollectivesAndCountsThem) {
  Board board;
  bool fired = false;
  {
    Watchdog watchdog(0, 3, 1, board.entries, 3, 0, [&](const std::string&) { fired = true; });
    for (int i = 0; i < 3; ++i) {
      std::promise<void> done;  // no wait inside the guard
      const Watchdog::Guard guard(watchdog, "barrier", 0);
    }
    EXPECT_EQ(watchdog.sequence(), 3);
  }
  (void)fired;  // a guard may outlive 1 ms on a busy machine; only the count is certain
}

}  // namespace
}  // namespace bbg::comm
