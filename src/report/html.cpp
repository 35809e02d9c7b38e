#include "report/html.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <set>
#include <sstream>

#include "core/text.h"
#include "report/report_style.h"
#include "report/run_record.h"
#include "report/svg_chart.h"

namespace bbg::report {

namespace {

using core::with_separators;

using Json = nlohmann::ordered_json;

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

std::string base64(const std::string& bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
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

std::optional<double> number_at(const Json& object, const std::string& group,
                                const std::string& name) {
  if (!object.is_object() || !object.contains(group)) return std::nullopt;
  const Json& inner = object[group];
  if (!inner.is_object() || !inner.contains(name) || !inner[name].is_number()) return std::nullopt;
  return inner[name].get<double>();
}

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

// Training time over all processes of the run: each counts its seconds from 0.
double total_seconds(const RunRecord& run) {
  double total = 0, last = 0;
  for (const auto& [step, seconds] : run.curve("seconds")) {
    if (!std::isfinite(seconds)) continue;
    total += seconds >= last ? seconds - last : seconds;
    last = seconds;
  }
  return total;
}

class Page {
 public:
  Page(const RunRecord& run, const Measures& measures) : run_(run), measures_(measures) {}

  std::string html() {
    head();
    failure();
    cards();
    last_grids();
    strip();
    curves();
    folded();
    out_ << "<footer>Written by bbg_dist.</footer>\n</main>\n</body>\n</html>\n";
    return out_.str();
  }

 private:
  void head() {
    const std::string name = escape_html(run_.name);
    // The policy makes the promise checkable: a browser refuses to load anything for this page.
    out_ << "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         << "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "img-src data:; style-src 'unsafe-inline'\">\n"
         << "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         << "<title>" << name << "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>"
         << kReportStyle << "</style>\n</head>\n<body>\n<main>\n<h1>" << name << "</h1>\n<p>"
         << escape_html(summary()) << "</p>\n";
  }

  std::string summary() const {
    std::vector<std::string> parts;
    const auto option = [&](const char* key) {
      const auto found = run_.config.find(key);
      return found == run_.config.end() ? std::string() : found->second;
    };
    if (const auto system = option("model.system"); !system.empty()) parts.push_back(system);
    if (const auto side = option("model.resolution"); !side.empty()) {
      const auto channels = option("model.channels");
      parts.push_back(side + " × " + side + (channels == "1" ? " grey" : "") + " pixels");
    }
    if (const auto batch = option("data.batch"); !batch.empty()) parts.push_back("batch " + batch);
    if (!run_.intervals.empty()) {
      const int64_t step = run_.intervals.back()["step"].get<int64_t>();
      const auto steps = option("run.steps");
      const bool is_whole = steps.empty() || steps == std::to_string(step);
      parts.push_back(is_whole ? with_separators(step) + " steps"
                               : "step " + with_separators(step) + " of " + steps);
    }
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : " · ") + part;
    return text;
  }

  // A row of a card: label, bar, value.
  static std::string row(const std::string& label, double share, const std::string& value,
                         bool is_own) {
    return "<span>" + label + "</span><span><i" + (is_own ? " class=\"own\"" : "") +
           " style=\"width:" + format("%.1f", 100 * std::clamp(share, 0.0, 1.0)) +
           "%\"></i></span><span>" + value + "</span>";
  }

  void card(const std::string& title, const std::string& big, const std::string& rows,
            const std::string& note) {
    out_ << "<section class=\"card\"><h3>" << title << "</h3><div class=\"big\">" << big
         << "</div>";
    if (!rows.empty()) out_ << "<div class=\"rows\">" << rows << "</div>";
    out_ << "<p>" << note << "</p></section>\n";
  }

  // Nothing where the evaluation has none of its numbers.
  void measure_card(const Card& measure) {
    const auto number = [&](const std::string& field) {
      return number_at(run_.evaluation, measure.key, field);
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
    if (!large && (!is_share || found == 0)) return;
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
    card(measure.title, large ? value_text(measure.unit, *large) : "–", rows,
         measure.note + (phrases.empty() ? "" : " " + enumeration(phrases) + "."));
  }

  void failure() {
    if (!run_.evaluation.is_object() || !run_.evaluation.contains("error")) return;
    const Json& error = run_.evaluation["error"];
    out_ << "<p>The evaluation failed: "
         << escape_html(error.is_string() ? error.get<std::string>() : error.dump()) << "</p>\n";
  }

  void cards() {
    out_ << "<div class=\"cards\">\n";
    for (const Card& measure : measures_.cards) measure_card(measure);
    training_card();
    out_ << "</div>\n";
  }

  void training_card() {
    if (run_.intervals.empty()) return;
    std::vector<double> speeds;
    for (const auto& point : run_.curve("images_per_second")) {
      if (std::isfinite(point.second)) speeds.push_back(point.second);
    }
    const Json& last = run_.intervals.back();
    std::string note = with_separators(last["step"].get<int64_t>()) + " steps";
    if (last.contains("images") && last["images"].is_number()) {
      note += ", " + with_separators(last["images"].get<int64_t>()) + " images seen";
    }
    note += ".";
    if (!speeds.empty()) {
      std::sort(speeds.begin(), speeds.end());
      note += " Median speed: " + with_separators(std::llround(speeds[speeds.size() / 2])) +
              " images a second.";
    }
    card("Training time", duration_text(total_seconds(run_)), "", note);
  }

  void picture(const GridFile& grid, const std::string& alt, const std::string& caption) {
    out_ << "<figure class=\"picture\">";
    if (!caption.empty()) out_ << "<figcaption>" << caption << "</figcaption>";
    out_ << "<img alt=\"" << alt << "\" src=\"data:image/png;base64," << base64(grid.png)
         << "\"></figure>\n";
  }

  void last_grids() {
    if (run_.samples.empty() && run_.reconstructions.empty()) return;
    out_ << "<div class=\"pair\">\n";
    if (!run_.samples.empty()) {
      const GridFile& grid = run_.samples.back();
      out_ << "<section><h2>Samples</h2><p>Images that the generator makes from random codes, at "
              "step "
           << with_separators(grid.step) << ".</p>\n";
      picture(grid, "Grid of generated images", "");
      out_ << "</section>\n";
    }
    if (!run_.reconstructions.empty()) {
      const GridFile& grid = run_.reconstructions.back();
      out_ << "<section><h2>Reconstructions</h2><p>Odd rows: test images. Below each: what the "
              "generator makes of its encoding, at step "
           << with_separators(grid.step) << ".</p>\n";
      picture(grid, "Rows of test images, each above its reconstructions", "");
      out_ << "</section>\n";
    }
    out_ << "</div>\n";
  }

  void strip() {
    const size_t count = run_.samples.size(), shown = std::min<size_t>(count, 10);
    if (count < 2) return;
    out_ << "<h2>The same codes over time</h2>\n<div class=\"strip\">\n";
    for (size_t i = 0; i < shown; ++i) {
      const GridFile& grid = run_.samples[i * (count - 1) / (shown - 1)];
      picture(grid, "Grid of generated images at an earlier step",
              "step " + with_separators(grid.step));
    }
    out_ << "</div>\n";
  }

  const Curve* curve_of(const std::string& name) const {
    const auto found = std::find_if(measures_.curves.begin(), measures_.curves.end(),
                                    [&](const Curve& curve) { return curve.name == name; });
    return found == measures_.curves.end() ? nullptr : &*found;
  }

  // Totals in one chart, the terms of each in one, anything else in a chart of its own.
  std::vector<Chart> charts() const {
    std::vector<Chart> charts;
    const auto add = [&](const std::string& title, const std::string& name, bool from_zero) {
      auto at = std::find_if(charts.begin(), charts.end(),
                             [&](const Chart& chart) { return chart.title == title; });
      if (at == charts.end()) {
        charts.push_back({title, "step", {}, from_zero});
        at = charts.end() - 1;
      }
      const bool is_known = std::any_of(at->series.begin(), at->series.end(),
                                        [&](const Series& series) { return series.label == name; });
      if (!is_known) at->series.push_back({name, run_.curve(name)});
    };
    std::set<std::string> seen;
    for (const Json& line : run_.intervals) {
      for (const auto& [name, value] : line.items()) {
        if (!seen.insert(name).second) continue;
        if (name == "step" || name == "images" || name == "seconds" ||
            name == "images_per_second" || name == "data_seconds") {
          continue;
        }
        if (name == "loss_d" || name == "loss_ge") {
          add("Losses", name, false);
        } else if (name.rfind("loss_d_", 0) == 0) {
          add("Terms of the discriminator's loss", name, false);
        } else if (name.rfind("sigma.", 0) == 0) {
          continue;  // one for every weight; TensorBoard has them
        } else if (name.rfind("sigma_max_", 0) == 0) {
          add("Largest singular value of any weight", name, false);
        } else if (name.rfind("grad_norm_", 0) == 0) {
          add("Norm of the gradient", name, false);
        } else if (name.rfind("loss_ge_", 0) == 0) {
          add("Terms of the generator's and encoder's loss", name, false);
        } else if (const Curve* curve = curve_of(name)) {
          add(curve->chart, name, curve->is_from_zero);
        } else {
          add(name, name, false);
        }
      }
    }
    if (!run_.intervals.empty()) add("Images per second", "images_per_second", true);
    return charts;
  }

  void curves() {
    std::string all;
    for (const Chart& chart : charts()) all += svg_chart(chart);
    if (!all.empty()) {
      out_ << "<h2>Training</h2>\n<div class=\"charts\">\n" << all << "</div>\n";
    }
  }

  void folded() {
    if (run_.evaluation.is_object() && run_.evaluation.contains("protocol") &&
        run_.evaluation["protocol"].is_object()) {
      out_ << "<h2>Details</h2>\n<details><summary>How the numbers were measured</summary><dl>";
      for (const auto& [key, value] : run_.evaluation["protocol"].items()) {
        std::string words = key;
        std::replace(words.begin(), words.end(), '_', ' ');
        out_ << "<dt>" << escape_html(words) << "</dt><dd>"
             << escape_html(value.is_string() ? value.get<std::string>() : value.dump()) << "</dd>";
      }
      out_ << "</dl></details>\n";
    }
    if (!run_.changes.empty()) {
      out_ << "<details open><summary>Options changed on the way</summary><dl>";
      for (const Json& line : run_.changes) changes(line);
      out_ << "</dl></details>\n";
    }
    if (!run_.config_text.empty()) {
      out_ << "<details><summary>Configuration</summary><pre>" << escape_html(run_.config_text)
           << "</pre></details>\n";
    }
  }

  void changes(const Json& line) {
    out_ << "<dt>after step " << with_separators(line["step"].get<int64_t>()) << "</dt><dd>";
    for (const auto& [key, change] : line["changed"].items()) {
      // Captured by name: clang before 16 captures no structured binding otherwise.
      const auto value = [&change = change](const char* when) {
        const std::string text = change.value(when, "");
        return escape_html(text.empty() ? "(empty)" : text);
      };
      out_ << "<div>" << escape_html(key) << ": " << value("before") << " → " << value("after")
           << "</div>";
    }
    out_ << "</dd>";
  }

  const RunRecord& run_;
  const Measures& measures_;
  std::ostringstream out_;
};

}  // namespace

void write_html_report(core::FileSystem& files, const std::string& run_folder,
                       const Measures& measures) {
  const RunRecord run = read_run(files, run_folder);
  core::write_atomically(files, run_folder + "/report.html", Page(run, measures).html());
}

}  // namespace bbg::report
