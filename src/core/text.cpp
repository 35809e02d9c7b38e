#include "core/text.h"

namespace bbg::core {

std::string with_separators(int64_t value) {
  std::string text = std::to_string(value);
  for (auto at = std::ssize(text) - 3; at > (value < 0 ? 1 : 0); at -= 3) {
    text.insert(static_cast<size_t>(at), ",");
  }
  return text;
}

}  // namespace bbg::core
