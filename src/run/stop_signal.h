#pragma once
// SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 (which batch systems send ahead of a time limit) and SIGHUP,
// where it is not ignored (nohup), ask a run to stop: it finishes its step, or the pass of an
// evaluation, saves, and leaves with exit code 75. One object per process, in main's thread; a
// second SIGINT ends the process at once, as ever.

#include <signal.h>

namespace bbg::run {

// Thrown on all ranks where an evaluation was asked to stop between two passes.
struct StopAsked {};

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();  // the handlers that were there before
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool is_asked() const;
};

// While it lives, a pipe that nobody reads any more ends nothing: `bbg_dist ... | head -n 1`. It is
// there before a run says its first line.
class UnreadPipes {
 public:
  UnreadPipes();
  ~UnreadPipes();  // the handler that was there before
  UnreadPipes(const UnreadPipes&) = delete;
  UnreadPipes& operator=(const UnreadPipes&) = delete;

 private:
  struct sigaction before_ {};
};

}  // namespace bbg::run
