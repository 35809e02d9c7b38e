#pragma once
// The configurations that `bbg_dist new` begins with, as they stand in configs/ when the program is
// built.

#include <span>
#include <string_view>

namespace bbg::cli {

struct Recipe {
  const char* name;
  const char* summary;
  std::string_view text;  // an INI file without includes
};

std::span<const Recipe> recipes();

}  // namespace bbg::cli
