#pragma once
// Values as users write them, in files and on command lines.

#include <charconv>
#include <string>
#include <system_error>

namespace bbg::core {

// False where the text is not a number of this type, all of it; the value is then undefined.
template <class Number>
bool parse_number(const std::string& text, Number* value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *value);
  return error == std::errc() && stop == end;
}

// true, 1, yes, on; false, 0, no, off. False where it is none of them.
bool parse_bool(const std::string& text, bool* value);

// Shortest text that reads back to the same double.
std::string print_number(double value);

}  // namespace bbg::core
