#pragma once
// One owner of a folder at a time, over network file systems too: no locks of the file system are
// used, but a file `.owner.json` that the owner touches from a thread of its own, its heartbeat.
// A dead owner is taken over: one of this machine whose process is gone, or one of another machine
// whose heartbeat has stopped. Ages are told by the clock of the folder's own file system.

#include <chrono>
#include <memory>
#include <string>

namespace bbg::core {

class FolderLock {
 public:
  struct Timing {
    std::chrono::milliseconds beat{10'000};        // the owner touches its file so often
    std::chrono::milliseconds dead_after{60'000};  // an owner elsewhere is given up after that
    // An owner elsewhere whose last sign of life is younger is watched so long for a new one: it
    // may have died just now, in a job that was started again on another host.
    std::chrono::milliseconds patience{0};
  };

  // `folder` exists. `purpose` says what the owner does there: "a run of bbg_dist". UsageError
  // names a live owner and says how to take over; SystemError where the folder cannot be written.
  FolderLock(const std::string& folder, const std::string& purpose);
  FolderLock(const std::string& folder, const std::string& purpose, Timing timing);
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();  // removes the file, if it is still ours

  // One line about the dead owner whose place this took; empty if there was none.
  const std::string& taken_over() const;

  // SystemError if another took the folder over meanwhile, as after this process was stopped for
  // long; as of the newest heartbeat. For before what cannot be undone. Thread-safe.
  void check() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::core
