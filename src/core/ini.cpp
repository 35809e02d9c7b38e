#include "core/ini.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string_view>

namespace bbg::core {

namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_quote(char c) { return c == '"' || c == '\''; }
bool is_name(char c, bool is_first) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
         (!is_first && c >= '0' && c <= '9');
}

// The index behind the quote that closes the one at `open`; npos: none does.
size_t end_of_quotes(const std::string& text, size_t open) {
  for (size_t i = open + 1; i < text.size(); ++i) {
    if (text[i] != text[open]) continue;
    if (i + 1 == text.size() || text[i + 1] != text[open]) return i + 1;
    ++i;  // twice: stands for itself
  }
  return std::string::npos;
}

// Where the comment of a line begins, or its end. Quotes count at the start of a value only.
size_t start_of_comment(const std::string& line) {
  size_t from = 0;
  const size_t equals = line.find('=');
  if (equals != std::string::npos && line.find('#') > equals) {
    const size_t value = line.find_first_not_of(" \t", equals + 1);
    if (value != std::string::npos && is_quote(line[value])) {
      const size_t end = end_of_quotes(line, value);
      if (end != std::string::npos) from = end;
    }
  }
  for (size_t i = line.find('#', from); i != std::string::npos; i = line.find('#', i + 1)) {
    if (i == 0 || is_blank(line[i - 1])) return i;
  }
  return line.size();
}

// None where `text` begins with a quote that does not close at its end.
std::optional<std::string> without_quotes(const std::string& text) {
  if (text.empty() || !is_quote(text[0])) return text;
  if (end_of_quotes(text, 0) != text.size()) return std::nullopt;
  std::string value;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    value += text[i];
    if (text[i] == text[0]) ++i;
  }
  return value;
}

std::string in_quotes(const std::string& value, char quote) {
  std::string text(1, quote);
  for (const char c : value) text += c == quote ? std::string(2, quote) : std::string(1, c);
  return text + quote;
}

// The problem that keeps a whole text from being read; empty: none.
std::string problem_of_encoding(const std::string& text, const std::string& origin) {
  const bool is_little = text.starts_with("\xFF\xFE");
  if (is_little || text.starts_with("\xFE\xFF")) {
    return origin + ":1: the file is UTF-16 (" + (is_little ? "little" : "big") +
           "-endian), not UTF-8; convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW";
  }
  const size_t zero = text.find('\0');
  if (zero == std::string::npos) return "";
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(zero), '\n');
  return origin + ":" + std::to_string(line) +
         ": the file has a NUL byte, so it is not text in UTF-8; if it is UTF-16, convert it: "
         "iconv -f UTF-16LE -t UTF-8 FILE > NEW";
}

// The names of `include = a.ini, b.ini`; quotes are around each or around the only one.
std::optional<std::vector<std::string>> split_names(const std::string& text) {
  if (!text.empty() && is_quote(text[0])) {
    if (const auto only = without_quotes(text); only && !only->empty()) return {{*only}};
  }
  std::vector<std::string> names;
  std::istringstream parts(text + ",");
  for (std::string part; std::getline(parts, part, ',');) {
    const auto name = without_quotes(trim(part));
    if (!name || name->empty()) return std::nullopt;
    names.push_back(*name);
  }
  return names;
}

}  // namespace

std::string trim(const std::string& text) {
  const char* const blanks = " \t\r";
  const size_t first = text.find_first_not_of(blanks);
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

Ini split_ini(const std::string& text, const std::string& origin,
              std::vector<std::string>& problems) {
  Ini ini;
  if (const std::string problem = problem_of_encoding(text, origin); !problem.empty()) {
    problems.push_back(problem);
    return ini;
  }
  std::istringstream lines(text.starts_with(kUtf8Mark) ? text.substr(kUtf8Mark.size()) : text);
  std::string section;  // as "train."
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const auto refuse = [&](const std::string& reason) {
      problems.push_back(origin + ":" + std::to_string(number) + ": " + reason);
    };
    line = trim(line.substr(0, start_of_comment(line)));
    if (line.empty()) continue;
    if (line.starts_with('[')) {
      const size_t end = line.find(']');
      const std::string name = line.substr(1, end == std::string::npos ? end : end - 1);
      if (name.empty() || end + 1 != line.size()) {
        refuse("'" + line + "' is not a section; write [name]");
      }
      section = name.empty() ? "" : name + ".";
      continue;
    }
    const size_t equals = line.find('=');
    const std::string key = trim(line.substr(0, equals));
    if (equals == std::string::npos || key.empty()) {
      refuse("'" + line + "' is neither a section nor key = value");
      continue;
    }
    const std::string written = trim(line.substr(equals + 1));
    if (section.empty() && key == "include") {
      const auto names = split_names(written);
      if (!names) refuse("include = '" + written + "' lacks the name of a file");
      for (const std::string& name : names.value_or(std::vector<std::string>())) {
        ini.includes.push_back({number, name});
      }
    } else if (const auto value = without_quotes(written)) {
      ini.values.push_back({number, section + key, *value});
    } else {
      refuse(section + key + " = " + written +
             " begins with a quote that does not close at its "
             "end; write a quote that belongs to the value twice, in quotes of its kind");
    }
  }
  return ini;
}

std::string ini_value(const std::string& value) {
  const std::string line = "key = " + value;
  const bool stands_alone = start_of_comment(line) == line.size() && trim(value) == value &&
                            without_quotes(value) == value;
  if (stands_alone) return value;
  const bool has_double_only =
      value.find('"') != std::string::npos && value.find('\'') == std::string::npos;
  return in_quotes(value, has_double_only ? '\'' : '"');
}

Expansion expand_path(const std::string& text) {
  const auto variable = [](const std::string& name) -> std::string {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? "" : value;
  };
  Expansion expansion;
  size_t at = 0;
  if (text.starts_with('~')) {
    at = 1;
    if (at < text.size() && text[at] != '/') {
      return {.path = "", .problem = "names the home folder of another user; write its path"};
    }
    expansion.path = variable("HOME");
    if (expansion.path.empty()) {
      return {.path = "", .problem = "begins with ~, but the environment has no HOME"};
    }
  }
  while (at < text.size()) {
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    const bool is_braced = next == '{';
    if (text[at] != '$' || (next != '$' && !is_braced && !is_name(next, true))) {
      expansion.path += text[at++];
      continue;
    }
    if (next == '$') {
      expansion.path += '$';
      at += 2;
      continue;
    }
    const size_t start = at + (is_braced ? 2 : 1);
    size_t end = start;
    while (end < text.size() && is_name(text[end], end == start)) ++end;
    const std::string name = text.substr(start, end - start);
    if (is_braced && (name.empty() || end == text.size() || text[end] != '}')) {
      return {.path = "", .problem = "has a ${ without NAME} ($$ stands for a $)"};
    }
    const std::string value = variable(name);
    if (value.empty()) {
      return {.path = "",
              .problem = "needs the environment variable " + name +
                         ", which is not set ($$ stands for a $)"};
    }
    expansion.path += value;
    at = end + (is_braced ? 1 : 0);
  }
  return expansion;
}

std::string literal_path(const std::string& path) {
  std::string text = path.starts_with('~') ? "./" : "";
  for (const char c : path) text += c == '$' ? "$$" : std::string(1, c);
  return text;
}

}  // namespace bbg::core
