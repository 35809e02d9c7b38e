#pragma once
// Progress for people. On a terminal one line, redrawn in place, that never wraps: step, bar,
// images/s, losses, remaining time. Elsewhere one line per interval.

#include <functional>
#include <iosfwd>
#include <memory>

#include "report/sink.h"

namespace bbg::report {

struct ConsoleTarget {
  std::ostream& out;
  bool is_terminal = false;
  bool is_unicode = false;                               // the terminal shows UTF-8
  std::function<int64_t()> columns = [] { return 80; };  // asked at each drawing
};

// Standard error, as the operating system describes it.
ConsoleTarget standard_error();

std::unique_ptr<Sink> make_console_sink(ConsoleTarget target);
std::unique_ptr<Sink> make_console_sink();  // on standard error

}  // namespace bbg::report
