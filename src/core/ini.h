#pragma once
// The text of INI files, line by line, and paths in which the environment's values stand. What keys
// mean is the caller's (options.h, which says what a file may look like).

#include <string>
#include <vector>

namespace bbg::core {

struct Ini {
  struct Include {
    int line;
    std::string path;  // as written
  };
  struct Value {
    int line;                // from 1
    std::string key, value;  // section.key, or the bare key before the first section
  };
  std::vector<Include> includes;
  std::vector<Value> values;
};

// Adds a problem, "ORIGIN:LINE: ...", for each line that is neither section nor value, so that an
// error in one does not hide the others; one for the whole text where it is not UTF-8.
Ini split_ini(const std::string& text, const std::string& origin,
              std::vector<std::string>& problems);

// `value` as it is written behind `key = `: in quotes where it would not read back without. It has
// no line breaks.
std::string ini_value(const std::string& value);

struct Expansion {
  std::string path, problem;  // `problem`: "..." of "path ..."; empty where there is none
};
// ~ at the head, $NAME and ${NAME} replaced by the environment's values, $$ by $.
Expansion expand_path(const std::string& text);
// The text that expand_path() turns into `path`, whatever the environment.
std::string literal_path(const std::string& path);

std::string trim(const std::string& text);  // without outer blanks, tabs and carriage returns

}  // namespace bbg::core
