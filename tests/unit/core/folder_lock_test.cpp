#include "core/folder_lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <iterator>
#include <latch>
#include <optional>
#include <thread>

#include "core/error.h"
#include "core/hash.h"
#include "tests/support/temporary_folder.h"

namespace bbg::core {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// No beat within a test, and an owner elsewhere is dead after an hour.
constexpr FolderLock::Timing kSlow{.beat = milliseconds(3'600'000),
                                   .dead_after = milliseconds(3'600'000)};
constexpr FolderLock::Timing kQuick{.beat = milliseconds(1), .dead_after = milliseconds(3'600'000)};

class FolderLockTest : public testing::Test {
 protected:
  FolderLock take(FolderLock::Timing timing = kSlow) {
    return FolderLock(folder_.path(), "a test", timing);
  }

  // A live owner's refusal, with its hint.
  std::string refusal() {
    try {
      take();
    } catch (const UsageError& error) {
      return error.what() + (" / " + error.hint());
    }
    ADD_FAILURE() << "was not refused";
    return "";
  }

  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      found.push_back(entry.path().filename().string());
    }
    return found;
  }

  // The record of an owner on another machine, last touched so long ago.
  void write_foreign_owner(int age_s) {
    const std::string aside = folder_ / "aside";  // a heartbeat must not see it half written
    test::write_file(aside, R"({"purpose": "a run", "host": "elsewhere", "pid": 1, "start": "2",
                                "machine": "elsewhere", "job": "77", "since": "yesterday"})");
    std::filesystem::rename(aside, owner_);
    set_age(owner_, age_s);
  }
  void set_age(const std::string& path, int age_s) {
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    status.st_mtim.tv_sec -= age_s;
    const timespec times[2] = {status.st_mtim, status.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  // Another process that takes the lock and then waits for its end; returns once it has it.
  pid_t start_owner() {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const FolderLock lock(folder_.path(), "a child", kSlow);
      const bool told = ::write(ready[1], "x", 1) == 1;
      while (told) ::pause();
      ::_exit(1);
    }
    char byte;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
    return child;
  }
  void kill_and_leave_as_zombie(pid_t child) {
    ::kill(child, SIGKILL);
    siginfo_t info;
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  }

  // Waits without bound: ctest ends a test that hangs.
  static void wait_until(const std::function<bool()>& holds) {
    while (!holds()) std::this_thread::sleep_for(milliseconds(1));
  }

  test::TemporaryFolder folder_;
  const std::string owner_ = folder_ / ".owner.json";
};

TEST_F(FolderLockTest, LeavesNothingBehind) {
  {
    const FolderLock lock = take();
    EXPECT_THAT(names(), ElementsAre(".owner.json"));
    EXPECT_EQ(lock.taken_over(), "");
    lock.check();
  }
  EXPECT_THAT(names(), IsEmpty());
  take();
}

TEST_F(FolderLockTest, ALiveOwnerIsNamedAndHowToTakeOver) {
  const FolderLock lock = take();
  EXPECT_THAT(refusal(), AllOf(HasSubstr(folder_.path() + " is in use by a test, process " +
                                         std::to_string(::getpid()) + " on "),
                               HasSubstr(", since 20"), HasSubstr("remove " + owner_)));
  EXPECT_THAT(names(), ElementsAre(".owner.json"));
}

TEST_F(FolderLockTest, AnOwnerInAnotherProcessIsRefusedWhileItLivesAndTakenOverAfterItsDeath) {
  const pid_t child = start_owner();
  const std::string pid = std::to_string(child);
  EXPECT_THAT(refusal(), HasSubstr("a child, process " + pid));
  ::kill(child, SIGSTOP);
  EXPECT_THAT(refusal(), HasSubstr("a child, process " + pid));
  kill_and_leave_as_zombie(child);
  {
    const FolderLock lock = take();
    EXPECT_THAT(lock.taken_over(),
                AllOf(HasSubstr("from a child, process " + pid), HasSubstr("which is gone")));
    EXPECT_THAT(names(), ElementsAre(".owner.json"));
    EXPECT_THAT(refusal(), HasSubstr("a test, process " + std::to_string(::getpid())));
  }
  EXPECT_THAT(names(), IsEmpty());
  ::waitpid(child, nullptr, 0);
}

// The system gives a number anew: the start of the process tells the two apart.
TEST_F(FolderLockTest, AnotherProcessUnderTheNumberOfADeadOwnerDoesNotKeepTheFolder) {
  const std::string record = [&] {
    const FolderLock lock = take();
    return test::read_file(owner_);
  }();
  const size_t at = record.find("\"start\": \"") + 10;
  test::write_file(owner_, record);
  EXPECT_THAT(refusal(), HasSubstr("in use"));
  test::write_file(owner_, record.substr(0, at) + "1" + record.substr(at));
  EXPECT_NE(take().taken_over(), "");
}

TEST_F(FolderLockTest, AnOwnerElsewhereIsJudgedByTheAgeOfItsHeartbeat) {
  write_foreign_owner(3'500);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("a run, process 1 on elsewhere (job 77), since yesterday"),
                               HasSubstr("3600 s after its last sign of life")));
  write_foreign_owner(3'700);
  EXPECT_THAT(take().taken_over(), HasSubstr("process 1 on elsewhere"));
}

// Its job may have been started again here just after it died.
TEST_F(FolderLockTest, AnOwnerElsewhereThatMayHaveDiedJustNowIsWatched) {
  const FolderLock::Timing patient{
      .beat = milliseconds(1), .dead_after = milliseconds(300), .patience = milliseconds(600'000)};
  write_foreign_owner(0);
  EXPECT_THAT(take(patient).taken_over(), HasSubstr("process 1 on elsewhere"));
  write_foreign_owner(0);
  FolderLock::Timing slow = patient;
  slow.dead_after = milliseconds(3'600'000);
  std::atomic<bool> is_over = false;
  std::thread owner([&] {
    while (!is_over) ::utimensat(AT_FDCWD, owner_.c_str(), nullptr, 0);
  });
  EXPECT_THROW(take(slow), UsageError);
  is_over = true;
  owner.join();
}

TEST_F(FolderLockTest, ARecordThatCannotBeReadIsJudgedByItsAge) {
  for (const char* content : {"", "{", "[1]", "{\"pid\": \"x\"}"}) {
    test::write_file(owner_, content);
    EXPECT_THAT(refusal(), HasSubstr("an owner that cannot be read")) << content;
    set_age(owner_, 3'700);
    EXPECT_NE(take().taken_over(), "") << content;
  }
}

TEST_F(FolderLockTest, TheHeartbeatTouchesTheFile) {
  const FolderLock lock = take(kQuick);
  set_age(owner_, 1'000);
  struct stat before {
  }, now{};
  ASSERT_EQ(::stat(owner_.c_str(), &before), 0);
  wait_until([&] {
    ::stat(owner_.c_str(), &now);
    return now.st_mtim.tv_sec > before.st_mtim.tv_sec;
  });
}

TEST_F(FolderLockTest, WhoWasTakenOverHearsItAndLeavesTheNewOwnersFile) {
  std::optional<FolderLock> lock(std::in_place, folder_.path(), "a test", kQuick);
  write_foreign_owner(0);
  std::string text;
  wait_until([&] {
    try {
      lock->check();
      return false;
    } catch (const SystemError& error) {
      text = error.what();
      return true;
    }
  });
  EXPECT_THAT(text, AllOf(HasSubstr(folder_.path()), HasSubstr("process 1 on elsewhere")));
  lock.reset();
  EXPECT_THAT(names(), ElementsAre(".owner.json"));
  EXPECT_THAT(refusal(), HasSubstr("elsewhere"));
}

TEST_F(FolderLockTest, WhoseFileWasRemovedHearsIt) {
  const FolderLock lock = take(kQuick);
  std::filesystem::remove(owner_);
  wait_until([&] {
    try {
      lock.check();
      return false;
    } catch (const SystemError&) {
      return true;
    }
  });
}

// Many at once, for an absent owner, and for a dead one's place.
TEST_F(FolderLockTest, OfManyTakersOneGetsTheFolder) {
  constexpr int kTakers = 8, kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    if (round % 2 == 1) write_foreign_owner(3'700);
    std::atomic<int> owners = 0, refused = 0;
    std::barrier start(kTakers);
    std::latch done(kTakers);
    {
      std::vector<std::jthread> takers;
      for (int i = 0; i < kTakers; ++i) {
        takers.emplace_back([&] {
          std::optional<FolderLock> lock;
          start.arrive_and_wait();
          try {
            lock.emplace(folder_.path(), "a test", kSlow);
            ++owners;
          } catch (const UsageError&) {
            ++refused;
          }
          done.arrive_and_wait();
        });
      }
    }
    ASSERT_EQ(owners, 1) << round;
    ASSERT_EQ(refused, kTakers - 1) << round;
    ASSERT_THAT(names(), IsEmpty()) << round;
  }
}

// Owners that come and go while others try: never two at a time.
TEST_F(FolderLockTest, OwnersThatTakeTurnsNeverMeet) {
  constexpr int kTakers = 4, kTurns = 50;
  std::atomic<int> inside = 0, meetings = 0;
  {
    std::vector<std::jthread> takers;
    for (int i = 0; i < kTakers; ++i) {
      takers.emplace_back([&] {
        for (int turn = 0; turn < kTurns;) {
          try {
            const FolderLock lock = take();
            if (inside++ > 0) ++meetings;
            std::this_thread::yield();
            --inside;
            ++turn;
          } catch (const UsageError&) {
          }
        }
      });
    }
  }
  EXPECT_EQ(meetings, 0);
  EXPECT_THAT(names(), IsEmpty());
}

// Its claim on the dead owner's place stays behind.
TEST_F(FolderLockTest, ATakerThatDiedOnTheWayIsFollowed) {
  write_foreign_owner(3'700);
  std::string claim;
  for (int claims = 0; claims < 3; ++claims) {
    const std::string dead = test::read_file(claim.empty() ? owner_ : claim);
    claim = owner_ + ".after-" + hex(hash64(std::as_bytes(std::span(dead))));
    test::write_file(claim,
                     R"({"purpose": "a taker", "host": "elsewhere", "pid": 5, "machine": ")" +
                         std::to_string(claims) + "\"}");
    EXPECT_THAT(refusal(), HasSubstr("a taker, process 5"));
    set_age(claim, 3'700);
  }
  {
    const FolderLock lock = take();
    EXPECT_THAT(lock.taken_over(), HasSubstr("process 1 on elsewhere"));
    EXPECT_THAT(names(), ElementsAre(".owner.json"));
  }
  EXPECT_THAT(names(), IsEmpty());
}

// From now on this process is refused links, as on a file system without them.
bool forbid_links() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
#ifdef __NR_link
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_link, 1, 0),
#endif
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_linkat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{.len = std::size(program), .filter = program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST_F(FolderLockTest, NeedsNoLinks) {
  const pid_t child = ::fork();
  if (child == 0) {
    int failed = 0;
    auto expect = [&, number = 0](bool holds) mutable {
      ++number;
      if (!holds && failed == 0) failed = number;
    };
    try {
      expect(forbid_links());
      expect(::link("/", "/") != 0 && errno == EPERM);
      {
        const FolderLock lock = take();
        expect(refusal().find("a test, process") != std::string::npos);
      }
      expect(names().empty());
      write_foreign_owner(3'700);
      expect(!take().taken_over().empty());
      expect(names().empty());
    } catch (...) {
      expect(false);
    }
    ::_exit(failed);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "this expectation of the child's";
}

TEST_F(FolderLockTest, AFolderThatCannotBeWrittenIsASystemError) {
  EXPECT_THROW(FolderLock(folder_ / "absent", "a test"), SystemError);
  // A name that exists and leads nowhere.
  std::filesystem::create_symlink(folder_ / "nowhere", owner_);
  EXPECT_THROW(take(), SystemError);
}

}  // namespace
}  // namespace bbg::core
