#pragma once
// Numbers, pictures and data as a page writes them.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bbg::report {

std::string format(const char* pattern, double value);
std::string percent(double share);          // 0.125 -> "12.5 %"
std::string duration_text(double seconds);  // 119.6 -> "2 min 0 s"
std::string number_text(double value);      // four digits, with separators from 1,000
std::string base64(const std::string& bytes);

// object[group][name], where it is a number.
std::optional<double> number_at(const nlohmann::ordered_json& object, const std::string& group,
                                const std::string& name);

// The text of a JSON document as it may stand in a <script>: nothing in it ends that.
std::string json_for_script(const std::string& json);

struct Cell {
  std::string html;
  const char* kind = "";  // a class: "number", "words"
  size_t rows = 1;        // the cell stands for; those below leave it out
};

// A table that scrolls by itself where the screen is narrow; empty without rows.
std::string table_html(const std::vector<Cell>& head, const std::vector<std::vector<Cell>>& rows);

}  // namespace bbg::report
