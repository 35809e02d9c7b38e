#pragma once
// Writes to people on standard error: time, level, rank (when there are several), text.
// Thread-safe.

#include <memory>
#include <string>

namespace bbg::core {

class Log {
 public:
  // Only `speaks` ranks print info; warnings and errors of every rank are printed.
  Log(int rank, int size, bool speaks);
  ~Log();
  void info(const std::string& text) const;
  void warn(const std::string& text) const;
  void error(const std::string& text) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::core
