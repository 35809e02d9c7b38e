#pragma once
// SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 (which batch systems send ahead of a time limit) and SIGHUP,
// where it is not ignored (nohup), ask a run to stop: it finishes its step, or the pass of an
// evaluation, saves, and leaves with exit code 75. A pipe that nobody reads any more ends nothing.
// One object per process, in main's thread; a second SIGINT ends the process at once, as ever.

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

}  // namespace bbg::run
