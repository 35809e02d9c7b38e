#pragma once
// No wait without a deadline. Each collective is entered and left through the watchdog, which
// remembers the newest of them. When one is not left in time, a thread prints which operation
// waits, its sequence number, and which ranks of this host have not come; every rank of the host
// writes what it remembers as JSON; and the process ends with exit code 75 (a restart can help). A
// rank that enters another collective than its neighbours, as after one left out, is found at once.
// Positions of the ranks are read from memory that the ranks of a host share, so that naming the
// late ones needs no message from them. Between hosts they are read from files: a rank that has
// waited for half the deadline writes where it is, and who has written nothing when the deadline
// passes is late (collectives_file.h).
//
// Other waits that a rank makes alone, as that for its GPU, are named and watched too.
//
// A GPU makes collectives later than the host enters them, and one after the other: what counts is
// how long the oldest has had since it was entered and the one before it was left.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bbg::comm {

enum class Operation : uint8_t {
  kAllReduce,
  kBroadcast,
  kAllGather,
  kReduceScatter,
  kBarrier,
  kText,
  kAgree
};
const char* name_of(Operation operation);

// One rank's line on the board that the ranks of a host share. Zero-initialised memory is a valid
// start.
struct BoardEntry {
  static constexpr int64_t kRecent = 32;

  std::atomic<int64_t> sequence;  // number of the newest collective that this rank has entered
  std::atomic<int64_t> rank;      // global rank + 1; 0: not written yet
  std::atomic<int64_t> process;   // process id, to tell the dead from the slow
  std::atomic<int64_t> expired;   // 1: a wait of this rank has passed its deadline
  std::atomic<uint64_t> recent[kRecent];  // what the newest were, at sequence % kRecent
};

struct WatchdogOptions {
  int64_t deadline_ms = 0;  // 0: never expires
  // Where the rank's newest collectives are written (collectives_file.h); empty: nowhere.
  std::string dump_folder;
  // Of a communicator that serves one thing only, in messages and in the file's name.
  std::string purpose = {};
  // Numbers of its ranks in the job, in order; empty: 0 to size - 1.
  std::vector<int> members = {};
  // A number that all ranks of this job know and that no job before had in that folder.
  int64_t job = 0;
  // Gets the message; the default prints it to standard error and leaves with _exit(75).
  std::function<void(const std::string&)> on_expire;
};

class Watchdog {
 public:
  // `rank` is that in the job. `board` has local_size entries and outlives this object; `own` is
  // this rank's index in it.
  Watchdog(int rank, int size, BoardEntry* board, int local_size, int own, WatchdogOptions options);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  int64_t sequence() const;
  // Operation and number of the newest, as "all_reduce #16"; empty before the first.
  std::string newest() const;
  // The newest collectives, oldest first, as JSON (docs/failure_model.md).
  std::string dump() const;

  // One collective begins; its number. `bytes` is the same on all ranks, or -1. Throws SystemError
  // where a rank of this host entered another operation, or another number of bytes, under the same
  // number.
  int64_t enter(Operation operation, int64_t bytes);
  // It has ended. From any thread.
  void leave(int64_t sequence);
  // Called by a thread of its own now and then, and before a deadline counts as passed, to look for
  // collectives that have ended and for failures; null: no more calls from here on. Deadlines pass
  // even while it does not come back. Without a deadline there is no thread.
  void set_poll(std::function<void()> poll);
  // Ends the process as a passed deadline does. From the poll.
  void fail(const std::string& message);

  // Marks the time between construction and destruction as one collective.
  class Guard {
   public:
    Guard(Watchdog& watchdog, Operation operation, int64_t bytes);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Watchdog& watchdog_;
    int64_t sequence_;
  };

  // Marks the same time as a wait of this rank alone. `what`: as "the GPU's end of a step".
  class Wait {
   public:
    // Null: nothing watches.
    Wait(Watchdog* watchdog, const std::string& what);
    ~Wait();
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

   private:
    Watchdog* watchdog_;
    int64_t number_ = 0;
  };

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::comm
