#include "report/page/cards.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "core/text.h"
#include "report/page/text.h"

namespace bbg::report {

namespace {

using core::with_separators;

std::string value_text(Unit unit, double value) {
  if (unit == Unit::kShare) return percent(value);
  return format(unit == Unit::kRatio ? "%.2f" : "%.3g", value);
}

// "a", "a and b", "a, b, and c"
std::string enumeration(const std::vector<std::string>& parts) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += parts.size() > 2 ? ", " : " ";
    if (i > 0 && i + 1 == parts.size()) text += "and ";
    text += parts[i];
  }
  return text;
}

// A row of a card: label, bar, value.
std::string row(const std::string& label, double share, const std::string& value, bool is_own) {
  return "<span>" + label + "</span><span><i" + (is_own ? " class=\"own\"" : "") +
         " style=\"width:" + format("%.1f", 100 * std::clamp(share, 0.0, 1.0)) +
         "%\"></i></span><span>" + value + "</span>";
}

std::string card(const std::string& title, const std::string& big, const std::string& rows,
                 const std::string& note) {
  return "<section class=\"card\"><h3>" + title + "</h3><div class=\"big\">" + big + "</div>" +
         (rows.empty() ? "" : "<div class=\"rows\">" + rows + "</div>") + "<p>" + note +
         "</p></section>\n";
}

// Nothing where the evaluation has none of its numbers.
std::string measure_card(const RunRecord& run, const Card& measure) {
  const auto number = [&](const std::string& field) {
    return number_at(run.evaluation, measure.key, field);
  };
  const bool is_share = measure.unit == Unit::kShare;
  double longest = is_share ? 1 : 1e-300;
  size_t found = 0;
  std::vector<std::string> phrases;
  for (const Row& one : measure.rows) {
    const auto value = number(one.field);
    found += value ? 1 : 0;
    if (value && !is_share) longest = std::max(longest, *value);
    const bool is_told = value || one.field == measure.field;
    if (is_told && !one.phrase.empty()) phrases.push_back(one.phrase);
  }
  const auto large = number(measure.field);
  if (!large && (!is_share || found == 0)) return "";
  std::string rows;
  // Distances say something beside each other alone.
  if (is_share || found == measure.rows.size()) {
    const Unit unit = is_share ? Unit::kShare : Unit::kDistance;
    for (const Row& one : measure.rows) {
      const auto value = number(one.field);
      if (!value) continue;
      rows += row(one.label, *value / longest, value_text(unit, *value),
                  one.field == measure.rows.front().field);
    }
  }
  return card(measure.title, large ? value_text(measure.unit, *large) : "–", rows,
              measure.note + (phrases.empty() ? "" : " " + enumeration(phrases) + "."));
}

std::string training_card(const RunRecord& run) {
  if (run.intervals.empty()) return "";
  const nlohmann::ordered_json& last = run.intervals.back();
  std::string note = with_separators(last["step"].get<int64_t>()) + " steps";
  if (last.contains("images") && last["images"].is_number()) {
    note += ", " + with_separators(last["images"].get<int64_t>()) + " images seen";
  }
  note += ".";
  const double speed = median_of(run, "images_per_second");
  if (std::isfinite(speed)) {
    note += " Median speed: " + with_separators(std::llround(speed)) + " images a second.";
  }
  return card("Training time", duration_text(total_seconds(run)), "", note);
}

}  // namespace

double total_seconds(const RunRecord& run) {
  double total = 0, last = 0;
  for (const auto& [step, seconds] : run.curve("seconds")) {
    if (!std::isfinite(seconds)) continue;
    total += seconds >= last ? seconds - last : seconds;
    last = seconds;
  }
  return total;
}

double median_of(const RunRecord& run, const std::string& field) {
  std::vector<double> values;
  for (const auto& point : run.curve(field)) {
    if (std::isfinite(point.second)) values.push_back(point.second);
  }
  std::sort(values.begin(), values.end());
  return values.empty() ? NAN : values[values.size() / 2];
}

std::string cards_html(const RunRecord& run, const Measures& measures) {
  std::string html = "<div class=\"cards\">\n";
  for (const Card& measure : measures.cards) html += measure_card(run, measure);
  return html + training_card(run) + "</div>\n";
}

}  // namespace bbg::report
