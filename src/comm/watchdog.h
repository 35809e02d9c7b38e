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

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "comm/host_board.h"
#include "comm/lookout.h"
#include "comm/operation.h"
#include "comm/watchdog_options.h"

namespace bbg::comm {

class Watched;

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
  // collectives that have ended and for failures, which it tells its argument; null: no more calls
  // from here on. Deadlines pass even while it does not come back. Without a deadline there is no
  // thread. True: no call of the one before is under way. False: one has not come back in
  // WatchdogOptions::last_look_ms; then what it uses must live on. Its argument does, and may be
  // told anything after the watchdog's end.
  bool set_poll(std::function<void(Watched&)> poll);

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
  void watch();

  const std::shared_ptr<Watched> watched_;  // shared with a poll that does not come back
  const std::chrono::milliseconds interval_;
  Lookout lookout_;
  std::mutex mutex_;  // guards is_ending_
  std::condition_variable wake_;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace bbg::comm
