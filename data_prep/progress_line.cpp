#include "data_prep/progress_line.h"

#include <unistd.h>

#include <cstdio>

namespace bbg::data_prep {

using Clock = std::chrono::steady_clock;

ProgressLine::ProgressLine(std::string what)
    : what_(std::move(what)), is_terminal_(::isatty(STDERR_FILENO) == 1), start_(Clock::now()) {}

ProgressLine::~ProgressLine() {
  if (is_shown_) std::fputs("\r\033[K", stderr);
}

void ProgressLine::update(int64_t done, int64_t total) {
  const auto now = Clock::now();
  if (!is_terminal_ || (is_shown_ && now - last_ < std::chrono::milliseconds(100))) return;
  last_ = now;
  is_shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  const double left = rate > 0 ? static_cast<double>(total - done) / rate : 0;
  std::fprintf(stderr, "\r\033[K%s %lld of %lld (%.0f%%), %.0f/s, %.0f s left", what_.c_str(),
               static_cast<long long>(done), static_cast<long long>(total),
               100.0 * static_cast<double>(done) / static_cast<double>(total), rate, left);
  std::fflush(stderr);
}

}  // namespace bbg::data_prep
