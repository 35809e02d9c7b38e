#pragma once
// One line on standard error that is rewritten as work goes on; silent where that is no terminal.

#include <chrono>
#include <cstdint>
#include <string>

namespace bbg::data_prep {

class ProgressLine {
 public:
  explicit ProgressLine(std::string what);
  ~ProgressLine();  // clears the line
  void update(int64_t done, int64_t total);

 private:
  std::string what_;
  bool is_terminal_;
  bool is_shown_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace bbg::data_prep
