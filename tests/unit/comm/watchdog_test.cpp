#include "comm/watchdog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "comm/collectives_file.h"
#include "comm/watched.h"
#include "core/error.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

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

std::string message_of_expired_wait(Board& board, int world, const std::string& folder = "") {
  std::promise<std::string> message;
  Watchdog watchdog(0, world, board.entries, 3, 0,
                    {.deadline_ms = 20,
                     .dump_folder = folder,
                     .on_expire = [&](const std::string& text) { message.set_value(text); }});
  const Watchdog::Guard guard(watchdog, Operation::kAllReduce, 400);
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

// Eight ranks of eight hosts: each sees itself alone, and what the others wrote.
class OtherHosts : public ::testing::Test {
 protected:
  static constexpr int64_t kJob = 41;

  void tell(int rank, const std::vector<PeerCollective>& collectives, int64_t job = kJob) {
    auto list = nlohmann::json::array();
    for (const PeerCollective& one : collectives) {
      list.push_back(
          {{"sequence", one.sequence}, {"operation", one.operation}, {"bytes", one.bytes}});
    }
    write_collectives(collectives_path(folder_ / "", rank),
                      nlohmann::json{{"job", job}, {"collectives", list}}.dump());
  }
  // Rank 0 waits in all_reduce #7 of 400 bytes.
  std::string expire(int size) {
    BoardEntry board = {};
    board.sequence = 6;
    std::promise<std::string> message;
    Watchdog watchdog(0, size, &board, 1, 0,
                      {.deadline_ms = 20,
                       .dump_folder = folder_ / "",
                       .job = kJob,
                       .on_expire = [&](const std::string& text) { message.set_value(text); }});
    const Watchdog::Guard guard(watchdog, Operation::kAllReduce, 400);
    return message.get_future().get();
  }
  test::TemporaryFolder folder_;
};

TEST_F(OtherHosts, RanksThatHaveToldNothingOrOfEarlierAreNamed) {
  tell(1, {{6, "barrier", 0}, {7, "all_reduce", 400}});
  tell(2, {{5, "all_reduce", 400}});
  tell(4, {{7, "all_reduce", 400}}, kJob - 1);  // told by the job before
  test::write_file(collectives_path(folder_ / "", 5), "{\"job\": [");
  const std::string text = expire(6);
  EXPECT_THAT(text, HasSubstr("rank 0: all_reduce #7 (400 bytes)"));
  EXPECT_THAT(text, HasSubstr("not there yet: rank 2 (on another host; it told of #5), rank 3 (on "
                              "another host; it told nothing in "));
  EXPECT_THAT(text, HasSubstr("rank 4 (on another host; it told nothing"));
  EXPECT_THAT(text, HasSubstr("rank 5 (on another host; it told nothing"));
  EXPECT_THAT(text, Not(HasSubstr("rank 1 ")));
}

TEST_F(OtherHosts, RanksThatEnteredSomethingElseAreNamed) {
  tell(1, {{7, "all_reduce", 400}});
  tell(2, {{7, "broadcast", 400}});
  tell(3, {{7, "all_reduce", 404}});
  tell(4, {{7, "agree", 4}, {8, "all_reduce", 400}});
  EXPECT_THAT(expire(5), HasSubstr("; the ranks are out of order: rank 2 entered broadcast, rank 3 "
                                   "entered one of another size, rank 4 entered agree."));
}

TEST_F(OtherHosts, TransferHangsWhereAllHaveEnteredIt) {
  // Who is ahead has left this one, as a root may.
  tell(1, {{7, "all_reduce", 400}, {8, "agree", 4}});
  tell(2, {{7, "all_reduce", 400}});
  EXPECT_THAT(expire(3), HasSubstr("every rank has entered it, so the transfer itself hangs"));
}

TEST_F(OtherHosts, RankThatHasWaitedForHalfTheDeadlineTellsWhereItIs) {
  BoardEntry board = {};
  Watchdog watchdog(3, 4, &board, 1, 0,
                    {.deadline_ms = 2000,
                     .dump_folder = folder_ / "",
                     .job = kJob,
                     .on_expire = [](const std::string& text) { ADD_FAILURE() << text; }});
  const auto entered = std::chrono::steady_clock::now();
  const Watchdog::Guard guard(watchdog, Operation::kBroadcast, 12);
  std::vector<PeerCollective> peers;
  while (peers.empty() &&
         std::chrono::steady_clock::now() - entered < std::chrono::milliseconds(1900)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    peers = read_collectives(collectives_path(folder_ / "", 3), kJob);
  }
  ASSERT_EQ(peers.size(), 1u);
  EXPECT_GE(std::chrono::steady_clock::now() - entered, std::chrono::milliseconds(1000));
  EXPECT_EQ(peers[0].sequence, 1);
  EXPECT_EQ(peers[0].operation, "broadcast");
  EXPECT_EQ(peers[0].bytes, 12);
}

TEST(Within, WorkThatHangsIsLeftBehind) {
  const auto release = std::make_shared<std::promise<void>>();
  EXPECT_EQ(within(20,
                   [done = release->get_future().share()] {
                     done.wait();
                     return std::string("late");
                   }),
            std::nullopt);
  release->set_value();
  EXPECT_EQ(within(60'000, [] { return std::string("done"); }), "done");
}

TEST(Watchdog, RemembersTheNewestCollectivesInOrder) {
  Board board;
  Watchdog watchdog(1, 3, board.entries, 3, 1, {});
  { const Watchdog::Guard guard(watchdog, Operation::kBroadcast, 8); }
  for (int i = 0; i < 700; ++i) const Watchdog::Guard guard(watchdog, Operation::kBarrier, 0);
  EXPECT_EQ(watchdog.sequence(), 701);
  const Watchdog::Guard open(watchdog, Operation::kAllReduce, 40);
  const auto dump = nlohmann::json::parse(watchdog.dump());
  EXPECT_EQ(dump["rank"], 1);
  const auto& list = dump["collectives"];
  ASSERT_EQ(list.size(), 512u);
  for (size_t i = 0; i < list.size(); ++i) {
    EXPECT_EQ(list[i]["sequence"], 702 - 511 + static_cast<int>(i));
    EXPECT_EQ(list[i]["left_s"].is_null(), i == 511);  // the last is under way
  }
  EXPECT_EQ(list[510]["operation"], "barrier");
  EXPECT_EQ(list[511]["operation"], "all_reduce");
  EXPECT_EQ(list[511]["bytes"], 40);
}

TEST(Watchdog, ExpiredWaitWritesTheCollectivesOfAllRanksOfTheHost) {
  const test::TemporaryFolder folder;
  Board board;
  Watchdog neighbour(1, 3, board.entries, 3, 1,
                     {.deadline_ms = 100'000, .dump_folder = folder / "", .on_expire = {}});
  const std::string text = message_of_expired_wait(board, 3, folder / "");
  EXPECT_THAT(text, HasSubstr("collectives-rank-0.json"));
  for (const int rank : {0, 1}) {
    const std::string path = folder / ("collectives-rank-" + std::to_string(rank) + ".json");
    const auto dump = nlohmann::json::parse(test::read_file(path), nullptr, false);
    ASSERT_TRUE(dump.is_object()) << path;
    EXPECT_EQ(dump["rank"], rank);
    EXPECT_EQ(dump["collectives"].size(), rank == 0 ? 1u : 0u);
  }
}

TEST(Watchdog, RankThatEntersSomethingElseIsFoundAtOnce) {
  Board board;
  Watchdog first(0, 3, board.entries, 3, 0, {}), second(1, 3, board.entries, 3, 1, {});
  const auto enter = [](Watchdog& watchdog, Operation operation, int64_t bytes) -> std::string {
    try {
      const Watchdog::Guard guard(watchdog, operation, bytes);
      return "";
    } catch (const core::SystemError& error) {
      EXPECT_EQ(core::exit_code_of(error), core::kExitRestart);
      return error.what();
    }
  };
  EXPECT_EQ(enter(first, Operation::kAllReduce, 400), "");
  EXPECT_EQ(enter(second, Operation::kAllReduce, 400), "");
  // The first runs ahead; the second leaves one out.
  EXPECT_EQ(enter(first, Operation::kBroadcast, 8), "");
  EXPECT_EQ(enter(first, Operation::kAllReduce, 400), "");
  EXPECT_THAT(enter(second, Operation::kAllReduce, 400),
              AllOf(HasSubstr("rank 1: all_reduce #2 (400 bytes)"),
                    HasSubstr("out of order: rank 0 entered broadcast")));
  EXPECT_THAT(enter(second, Operation::kAllReduce, 404),
              HasSubstr("rank 0 entered one of another size"));
  const auto refused = nlohmann::json::parse(second.dump())["collectives"].back();
  EXPECT_TRUE(refused["left_s"].is_null());
  // Texts may differ in length.
  EXPECT_EQ(enter(first, Operation::kText, -1), "");
  EXPECT_EQ(enter(second, Operation::kText, -1), "");
}

// As a GPU makes them: entered ahead, and ended one after the other by the watchdog's own look.
TEST(Watchdog, OldestOfSeveralUnderWayIsTheOneThatWaits) {
  Board board;
  board.set(1, 2, ::getpid());
  board.set(2, 1, ::getpid());
  std::promise<std::string> message;
  Watchdog watchdog(0, 3, board.entries, 3, 0,
                    {.deadline_ms = 60, .dump_folder = "", .on_expire = [&](const auto& text) {
                       message.set_value(text);
                     }});
  const int64_t first = watchdog.enter(Operation::kAllReduce, 400);
  EXPECT_EQ(watchdog.enter(Operation::kBroadcast, 8), 2);
  EXPECT_EQ(watchdog.enter(Operation::kAllReduce, 12), 3);
  std::atomic<bool> is_first_left = false;
  watchdog.set_poll([&](Watched& watched) {
    if (!is_first_left.exchange(true)) watched.leave(first);
  });
  const std::string text = message.get_future().get();
  EXPECT_TRUE(is_first_left);
  EXPECT_THAT(text, HasSubstr("rank 0: broadcast #2 (8 bytes) has waited"));
  EXPECT_THAT(text, HasSubstr("not there yet: rank 2 (at #1)."));
  EXPECT_EQ(watchdog.newest(), "all_reduce #3");
  const auto list = nlohmann::json::parse(watchdog.dump())["collectives"];
  EXPECT_FALSE(list[0]["left_s"].is_null());
  EXPECT_TRUE(list[1]["left_s"].is_null());
}

// Many deadlines pass from entering to ending, but none from one end to the next.
TEST(Watchdog, DeadlineIsThatOfOneCollectiveNotOfAllAhead) {
  Board board;
  std::atomic<bool> has_fired = false;
  Watchdog watchdog(0, 1, board.entries, 1, 0,
                    {.deadline_ms = 3000, .dump_folder = "", .on_expire = [&](const std::string&) {
                       has_fired = true;
                     }});
  std::vector<int64_t> ahead;
  for (int i = 0; i < 5; ++i) ahead.push_back(watchdog.enter(Operation::kAllReduce, 4));
  for (const int64_t sequence : ahead) {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    watchdog.leave(sequence);
  }
  EXPECT_FALSE(has_fired);
}

TEST(Watchdog, FailureThatItsLookFindsEndsTheProcess) {
  Board board;
  std::promise<std::string> message;
  Watchdog watchdog(1, 3, board.entries, 3, 1,
                    {.deadline_ms = 60'000, .dump_folder = "", .on_expire = [&](const auto& text) {
                       message.set_value(text);
                     }});
  watchdog.set_poll([](Watched& watched) { watched.fail("the GPU reports: it is on fire"); });
  EXPECT_THAT(message.get_future().get(),
              AllOf(HasSubstr("rank 1: the GPU reports: it is on fire."), HasSubstr("code 75")));
}

// As a call of the library that waits for a lock which the hanging one holds.
TEST(Watchdog, DeadlinePassesThoughItsLookDoesNotComeBack) {
  Board board;
  std::promise<std::string> message;
  std::promise<void> is_told;
  Watchdog watchdog(0, 1, board.entries, 1, 0,
                    {.deadline_ms = 50, .dump_folder = "", .on_expire = [&](const auto& text) {
                       message.set_value(text);
                     }});
  watchdog.set_poll([told = is_told.get_future().share()](Watched&) { told.wait(); });
  const Watchdog::Guard guard(watchdog, Operation::kAllReduce, 400);
  auto expired = message.get_future();
  // Far beyond the deadline: the test is to fail where it does not pass, not to hang.
  const bool has_expired = expired.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  is_told.set_value();
  ASSERT_TRUE(has_expired);
  EXPECT_THAT(expired.get(), HasSubstr("all_reduce #1 (400 bytes) has waited"));
}

// As after an error, while the library hangs: the error is what the user is to read.
TEST(Watchdog, ItsEndDoesNotWaitForALookThatDoesNotComeBack) {
  Board board;
  std::promise<void> may_come_back;
  std::promise<void> is_looking, has_told;
  {
    Watchdog watchdog(0, 1, board.entries, 1, 0,
                      {.deadline_ms = 50,
                       .dump_folder = "",
                       .last_look_ms = 20,
                       .on_expire = [](const std::string& text) { ADD_FAILURE() << text; }});
    const int64_t sequence = watchdog.enter(Operation::kAllReduce, 400);
    watchdog.leave(sequence);
    EXPECT_TRUE(watchdog.set_poll([&is_looking, &has_told, sequence,
                                   back = may_come_back.get_future().share()](Watched& watched) {
      is_looking.set_value();
      back.wait();
      watched.leave(sequence);
      watched.fail("the GPU reports: nobody listens any more");
      has_told.set_value();
    }));
    is_looking.get_future().wait();
    EXPECT_FALSE(watchdog.set_poll(nullptr));
  }
  may_come_back.set_value();
  has_told.get_future().wait();
}

TEST(Watchdog, WaitOfARankAloneIsNamedWhenItsDeadlinePasses) {
  Board board;
  std::promise<std::string> message;
  Watchdog watchdog(2, 3, board.entries, 3, 2,
                    {.deadline_ms = 50, .dump_folder = "", .on_expire = [&](const auto& text) {
                       message.set_value(text);
                     }});
  { const Watchdog::Wait over(&watchdog, "something that came"); }
  const Watchdog::Wait nothing_watches(nullptr, "something");
  const Watchdog::Wait wait(&watchdog, "the GPU's end of a step");
  EXPECT_THAT(message.get_future().get(),
              AllOf(HasSubstr("rank 2: the wait for the GPU's end of a step has taken"),
                    HasSubstr("(comm.deadline-ms)"), HasSubstr("code 75")));
}

TEST(Watchdog, IsSilentBetweenCollectives) {
  Board board;
  bool has_fired = false;
  {
    Watchdog watchdog(0, 3, board.entries, 3, 0,
                      {.deadline_ms = 1, .dump_folder = "", .on_expire = [&](const std::string&) {
                         has_fired = true;
                       }});
    // Many deadlines pass outside of any collective.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_FALSE(has_fired);
}

}  // namespace
}  // namespace bbg::comm
