#pragma once
// How far a long work is: on a terminal one line that is rewritten, elsewhere a line every 30
// seconds. On standard error. One thread at a time.

#include <chrono>
#include <cstdint>
#include <string>

namespace bbg::data_prep {

class ProgressLine {
 public:
  explicit ProgressLine(std::string what);
  ~ProgressLine();  // clears the line of a terminal
  void update(int64_t done, int64_t total);

 private:
  std::string text(int64_t done, int64_t total) const;

  std::string what_;
  bool is_terminal_;
  bool is_shown_ = false;
  std::chrono::steady_clock::time_point start_, last_;
  int64_t first_ = -1;  // done when it was first told: work of before has no part in the rate
};

}  // namespace bbg::data_prep
