#pragma once
// Tries a read again that failed in a way that may pass: a disk over a network that was away for a
// moment. Any thread.

#include <array>
#include <chrono>
#include <string>
#include <thread>

#include "core/error.h"

namespace bbg::data {

// Between the attempts; about nine seconds in all.
inline constexpr std::array kRetryPauses = {
    std::chrono::milliseconds(100), std::chrono::milliseconds(400), std::chrono::milliseconds(1600),
    std::chrono::milliseconds(6400)};

// Returns what `read` returns. After a SystemError of a kind that a restart can help with it pauses
// by `pause(duration)`, which may throw, and reads again; the last error says how often that was
// done. Other errors pass at once.
template <class Read, class Pause>
auto with_retries(const Read& read, const Pause& pause) {
  for (const std::chrono::milliseconds duration : kRetryPauses) {
    try {
      return read();
    } catch (const core::SystemError& error) {
      if (!error.details().restart_can_help) throw;
    }
    pause(duration);
  }
  try {
    return read();
  } catch (const core::SystemError& error) {
    if (!error.details().restart_can_help) throw;
    core::SystemError::Details details = error.details();
    details.cause += "; tried " + std::to_string(kRetryPauses.size() + 1) + " times";
    throw core::SystemError(details);
  }
}

// The same, in a thread that may sleep.
template <class Read>
auto with_retries(const Read& read) {
  return with_retries(read,
                      [](std::chrono::milliseconds pause) { std::this_thread::sleep_for(pause); });
}

}  // namespace bbg::data
