#include "run/stop_signal.h"

#include <signal.h>

#include <array>

namespace bbg::run {

namespace {

// A signal handler can reach nothing else.
volatile sig_atomic_t asked = 0;

constexpr std::array<int, 5> kSignals = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP};
std::array<struct sigaction, kSignals.size()> before;

extern "C" void note_signal(int signal_number) {
  asked = 1;
  if (signal_number == SIGINT) ::signal(SIGINT, SIG_DFL);
}

}  // namespace

StopSignal::StopSignal() {
  asked = 0;
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;  // reads and writes under way go on
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &action, &before[i]);
    const bool stays_ignored = kSignals[i] == SIGHUP && before[i].sa_handler == SIG_IGN;
    if (stays_ignored) sigaction(kSignals[i], &before[i], nullptr);
  }
}

StopSignal::~StopSignal() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before[i], nullptr);
}

bool StopSignal::is_asked() const { return asked != 0; }

UnreadPipes::UnreadPipes() {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, &before_);
}

UnreadPipes::~UnreadPipes() { sigaction(SIGPIPE, &before_, nullptr); }

}  // namespace bbg::run
