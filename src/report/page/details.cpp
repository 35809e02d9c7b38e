#include "report/page/details.h"

#include <algorithm>

#include "core/text.h"
#include "report/page/text.h"
#include "report/svg_chart.h"

namespace bbg::report {

namespace {

using Json = nlohmann::ordered_json;

std::string in_words(std::string key) {
  std::replace(key.begin(), key.end(), '_', ' ');
  return escape_html(key);
}

std::string text_of(const Json& value) {
  return escape_html(value.is_string()
                         ? value.get<std::string>()
                         : value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

bool has_numbers(const Json& group) {
  return group.is_object() && std::any_of(group.begin(), group.end(), [](const Json& value) {
           return value.is_number() || value.is_null();
         });
}

std::string protocol_of(const Json& evaluation, const std::string& key) {
  if (!evaluation.contains("protocol") || !evaluation["protocol"].is_object()) return "";
  const Json& protocol = evaluation["protocol"];
  return protocol.contains(key) ? text_of(protocol[key]) : "";
}

// The card's words for a group, where one describes it.
const Card* card_of(const Measures& measures, const std::string& key) {
  const auto found = std::find_if(measures.cards.begin(), measures.cards.end(),
                                  [&](const Card& card) { return card.key == key; });
  return found == measures.cards.end() ? nullptr : &*found;
}

// The protocol's lines beside those of measures: networks, samples.
std::string rest_of_protocol(const Json& evaluation) {
  if (!evaluation.contains("protocol") || !evaluation["protocol"].is_object()) return "";
  std::string rest;
  for (const auto& [key, value] : evaluation["protocol"].items()) {
    if (evaluation.contains(key) && has_numbers(evaluation[key])) continue;
    rest += "<dt>" + in_words(key) + "</dt><dd>" + text_of(value) + "</dd>";
  }
  return rest.empty() ? "" : "<dl>" + rest + "</dl>\n";
}

std::string change_html(const Json& line) {
  std::string html =
      "<dt>after step " + core::with_separators(line["step"].get<int64_t>()) + "</dt><dd>";
  for (const auto& [key, change] : line["changed"].items()) {
    // Captured by name: clang before 16 captures no structured binding otherwise.
    const auto value = [&change = change](const char* when) {
      const std::string text = change.value(when, "");
      return escape_html(text.empty() ? "(empty)" : text);
    };
    html += "<div>" + escape_html(key) + ": " + value("before") + " → " + value("after") + "</div>";
  }
  return html + "</dd>";
}

}  // namespace

std::string failure_html(const RunRecord& run) {
  if (!run.evaluation.is_object() || !run.evaluation.contains("error")) return "";
  return "<p>The evaluation failed: " + text_of(run.evaluation["error"]) + "</p>\n";
}

std::string measures_html(const RunRecord& run, const Measures& measures) {
  if (!run.evaluation.is_object()) return "";
  std::vector<std::vector<Cell>> rows;
  for (const auto& [key, group] : run.evaluation.items()) {
    if (key == "protocol" || !has_numbers(group)) continue;
    const Card* card = card_of(measures, key);
    const size_t first = rows.size();
    for (const auto& [field, value] : group.items()) {
      if (!value.is_number() && !value.is_null()) continue;
      rows.push_back({{in_words(field)},
                      {value.is_number() ? number_text(value.get<double>()) : "–", "number"}});
    }
    auto& head = rows[first];
    const size_t count = rows.size() - first;
    head.insert(head.begin(), {card ? card->title : in_words(key), "", count});
    head.push_back({protocol_of(run.evaluation, key), "words", count});
  }
  const std::string rest = rest_of_protocol(run.evaluation);
  if (rows.empty() && rest.empty()) return "";
  std::string step;
  if (run.evaluation.contains("step") && run.evaluation["step"].is_number_integer()) {
    step =
        "<p>After step " + core::with_separators(run.evaluation["step"].get<int64_t>()) + ".</p>\n";
  }
  return "<h2>Measures</h2>\n" + step +
         table_html({{"Measure"}, {""}, {"Value", "number"}, {"How it was measured"}}, rows) + rest;
}

std::string details_html(const RunRecord& run) {
  std::string html;
  if (!run.changes.empty()) {
    html += "<details open><summary>Options changed on the way</summary><dl>";
    for (const Json& line : run.changes) html += change_html(line);
    html += "</dl></details>\n";
  }
  if (!run.config_text.empty()) {
    html += "<details><summary>Configuration</summary><pre>" + escape_html(run.config_text) +
            "</pre></details>\n";
  }
  return html;
}

}  // namespace bbg::report
