#pragma once
// SIGINT, SIGTERM and SIGUSR1 (which batch systems send ahead of a time limit) ask a run to stop:
// it finishes its step, saves, and leaves with exit code 75. One object per process, in main's
// thread; a second SIGINT ends the process at once, as ever.

namespace bbg::app {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();  // the handlers that were there before
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool is_asked() const;
};

}  // namespace bbg::app
