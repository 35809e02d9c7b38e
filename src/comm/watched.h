#pragma once
// The collectives and waits of one communicator that are under way, for its watchdog: how long they
// have been, and the end of the process when one has passed its deadline. Thread-safe.

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "comm/collective_record.h"
#include "comm/host_board.h"
#include "comm/wait_message.h"
#include "comm/watchdog_options.h"

namespace bbg::comm {

class Watched {
 public:
  // `rank` is that in the job, `size` the number of the communicator's ranks.
  Watched(int rank, int size, HostBoard board, WatchdogOptions options);

  // See Watchdog's of these names.
  int64_t enter(Operation operation, int64_t bytes);
  void leave(int64_t sequence);
  void fail(const std::string& message);
  int64_t sequence() const { return board_.sequence(); }
  std::string newest() const;
  std::string dump() const;

  // A wait that this rank makes alone begins, and ends; its number.
  int64_t begin_wait(const std::string& what);
  void end_wait(int64_t number);

  // Ends the process where a deadline has passed; writes files where other ranks need them.
  void check_deadlines();
  // From here on nothing expires or fails.
  void stop();
  bool is_over() const;  // stopped, or the process is ending

 private:
  using Time = Collective::Time;
  using Lock = std::unique_lock<std::mutex>;

  bool has_waited(int64_t milliseconds) const;
  std::string expired_wait() const;
  std::string dump_text() const;
  std::string write_dump() const;
  void end_process(const std::string& cause, Lock& lock);

  const int rank_, size_;
  const WatchdogOptions options_;
  const WaitMessage message_;
  mutable std::mutex mutex_;
  // Under the mutex:
  HostBoard board_;
  CollectiveRecord record_;
  std::map<int64_t, std::pair<std::string, Time>> waits_;  // by number: what for, since when
  int64_t next_wait_ = 0;
  int64_t announced_ = 0;  // the newest collective that other hosts have been told of
  bool is_stopped_ = false, is_expired_ = false;
};

}  // namespace bbg::comm
