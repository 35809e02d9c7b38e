#include "data_prep/progress_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/text.h"

namespace bbg::data_prep {

using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kRewriting{100}, kLogging{30'000};

// "59 s", "12 min", "3 h 20 min".
std::string duration(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  if (whole < 120) return std::to_string(whole) + " s";
  if (whole < 7200) return std::to_string(whole / 60) + " min";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

}  // namespace

ProgressLine::ProgressLine(std::string what)
    : what_(std::move(what)),
      is_terminal_(::isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_(start_) {}

ProgressLine::~ProgressLine() {
  if (is_shown_ && is_terminal_) std::fputs("\r\033[K", stderr);
}

std::string ProgressLine::text(int64_t done, int64_t total) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done - first_) / seconds : 0;
  std::string text = what_ + " " + core::with_separators(done) + " of " +
                     core::with_separators(total) + " (" +
                     std::to_string(100 * done / std::max<int64_t>(1, total)) + "%), " +
                     core::with_separators(static_cast<int64_t>(rate)) + "/s";
  if (rate > 0) text += ", " + duration(static_cast<double>(total - done) / rate) + " left";
  return text;
}

void ProgressLine::update(int64_t done, int64_t total) {
  if (first_ < 0) first_ = done;
  const auto now = Clock::now();
  const auto pause = is_terminal_ ? kRewriting : kLogging;
  if (now - last_ < pause && (is_shown_ || !is_terminal_)) return;
  last_ = now;
  is_shown_ = true;
  std::fprintf(stderr, is_terminal_ ? "\r\033[K%s" : "%s\n", text(done, total).c_str());
  std::fflush(stderr);
}

}  // namespace bbg::data_prep
