#pragma once
// No wait without a deadline. Each collective is entered and left through the watchdog; when one is
// not left in time, a thread prints which operation waits, its sequence number, and which ranks of
// this host have not come, and ends the process with exit code 75 (a restart can help). Positions
// of the ranks are read from memory that the ranks of a host share, so that naming the late ones
// needs no message from them.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bbg::comm {

// One rank's line on the board that the ranks of a host share. Zero-initialised memory is a valid
// start.
struct BoardEntry {
  std::atomic<int64_t> sequence;  // number of the newest collective that this rank has entered
  std::atomic<int64_t> rank;      // global rank + 1; 0: not written yet
  std::atomic<int64_t> process;   // process id, to tell the dead from the slow
};

class Watchdog {
 public:
  // `board` has local_size entries and outlives this object; `own` is this rank's index in it.
  // `on_expire` gets the message; the default prints it to standard error and leaves with
  // _exit(75). deadline_ms 0: never expires.
  Watchdog(int rank, int size, int64_t deadline_ms, BoardEntry* board, int local_size, int own,
           std::function<void(const std::string&)> on_expire = {});
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  int64_t sequence() const;

  // Marks the time between construction and destruction as one collective. `operation` must be a
  // literal.
  class Guard {
   public:
    Guard(Watchdog& watchdog, const char* operation, int64_t bytes);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Watchdog& watchdog_;
  };

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::comm
