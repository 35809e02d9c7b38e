#pragma once
// Numbers and names as people read them.

#include <cstdint>
#include <string>

namespace bbg::core {

std::string with_separators(int64_t value);  // 1234567 -> "1,234,567"
std::string clock_text(double seconds);      // 75 -> "1:15", 3675 -> "1:01:15", NaN -> "?"

// With control characters as escapes (\n, \x1b), so that a name stays on its line.
std::string printable(const std::string& text);

}  // namespace bbg::core
