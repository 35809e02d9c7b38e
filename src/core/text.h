#pragma once
// Numbers, names and paragraphs as people read them.

#include <cstdint>
#include <string>
#include <vector>

namespace bbg::core {

std::string with_separators(int64_t value);  // 1234567 -> "1,234,567"
std::string clock_text(double seconds);      // 75 -> "1:15", 3675 -> "1:01:15", NaN -> "?"

// With control characters as escapes (\n, \x1b), so that a name stays on its line.
std::string printable(const std::string& text);

// The words between separators; empty ones are left out.
std::vector<std::string> split(const std::string& text, char separator);
std::string join(const std::vector<std::string>& words, const std::string& separator);

// Breaks text at spaces so that no line is wider than `width`. The first line begins behind
// `indent` columns that the caller has filled; further lines begin with as many spaces.
std::string wrap(const std::string& text, size_t indent, size_t width);

// Number of single-character edits (insert, delete, replace, swap of neighbours) between two words.
int edit_distance(const std::string& a, const std::string& b);
// The known word that `word` is likely a misspelling of; empty where none is near.
std::string nearest_word(const std::string& word, const std::vector<std::string>& known);

}  // namespace bbg::core
