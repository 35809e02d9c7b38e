#pragma once
// A TarIndex as bytes, and back. Pure functions.

#include <optional>
#include <string>
#include <string_view>

#include "data_prep/sources/tar_index.h"

namespace bbg::data_prep {

void append_index(std::string& bytes, const TarIndex& index);
// Takes one off the front; none where the bytes are no index.
std::optional<TarIndex> take_index(std::string_view& bytes);

void append_number(std::string& bytes, int64_t value);
std::optional<int64_t> take_number(std::string_view& bytes);
void append_text(std::string& bytes, std::string_view text);
std::optional<std::string_view> take_text(std::string_view& bytes);

}  // namespace bbg::data_prep
