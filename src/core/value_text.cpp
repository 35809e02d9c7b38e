#include "core/value_text.h"

namespace bbg::core {

bool parse_bool(const std::string& text, bool* value) {
  for (const char* word : {"true", "1", "yes", "on"}) {
    if (text == word) return *value = true;
  }
  for (const char* word : {"false", "0", "no", "off"}) {
    if (text == word) return !(*value = false);
  }
  return false;
}

std::string print_number(double value) {
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, result.ptr);
}

}  // namespace bbg::core
