#pragma once
// Numbers as people read them.

#include <cstdint>
#include <string>

namespace bbg::core {

std::string with_separators(int64_t value);  // 1234567 -> "1,234,567"

}  // namespace bbg::core
