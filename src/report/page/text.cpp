#include "report/page/text.h"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/text.h"

namespace bbg::report {

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

std::string percent(double share) { return format("%.1f", 100 * share) + "\u202f%"; }

std::string duration_text(double seconds) {
  const int64_t total = std::llround(seconds), minutes = total / 60;
  if (minutes < 1) return std::to_string(total) + " s";
  if (minutes < 60) {
    return std::to_string(minutes) + " min " + std::to_string(total % 60) + " s";
  }
  return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return "–";
  if (std::fabs(value) >= 1000 && std::fabs(value) < 1e15) {
    return core::with_separators(std::llround(value));
  }
  return format("%.4g", value);
}

std::string base64(const std::string& bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve(bytes.size() / 3 * 4 + 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

std::optional<double> number_at(const nlohmann::ordered_json& object, const std::string& group,
                                const std::string& name) {
  if (!object.is_object() || !object.contains(group)) return std::nullopt;
  const nlohmann::ordered_json& inner = object[group];
  if (!inner.is_object() || !inner.contains(name) || !inner[name].is_number()) return std::nullopt;
  return inner[name].get<double>();
}

std::string json_for_script(const std::string& json) {
  std::string text;
  text.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

std::string table_html(const std::vector<Cell>& head, const std::vector<std::vector<Cell>>& rows) {
  if (rows.empty()) return "";
  const auto cell = [](const char* element, const Cell& one) {
    const std::string kind = one.kind, name = element;
    return "<" + name + (kind.empty() ? "" : " class=\"" + kind + "\"") +
           (one.rows > 1 ? " rowspan=\"" + std::to_string(one.rows) + "\"" : "") + ">" + one.html +
           "</" + name + ">";
  };
  std::string html = "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>";
  for (const Cell& one : head) html += cell("th", one);
  html += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    html += "<tr>";
    for (const Cell& one : row) html += cell("td", one);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace bbg::report
