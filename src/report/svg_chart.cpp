#include "report/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

namespace bbg::report {

namespace {

using Point = std::pair<double, double>;

// In units of the viewBox.
constexpr double kWidth = 640, kHeight = 260;
constexpr double kLeft = 52, kRight = 22, kTop = 10, kBottom = 40;
constexpr size_t kMaxPoints = 300;
constexpr size_t kColours = 6;  // classes c0 ... c5

std::string number(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

// 1200 -> "1,200", 2500000 -> "2.5M".
std::string tick_text(double value) {
  if (std::fabs(value) >= 1e6) return number(value / 1e6, 4) + "M";
  if (std::fabs(value) < 1000 || value != std::floor(value)) {
    return number(std::fabs(value) < 1e-12 ? 0 : value, 4);
  }
  std::string text = std::to_string(static_cast<long long>(value));
  text.insert(text.size() - 3, ",");
  return text;
}

std::vector<Point> thinned(const std::vector<Point>& points, size_t most) {
  if (points.size() <= most) return points;
  std::vector<Point> result;
  for (size_t i = 0; i < most; ++i) {
    const size_t begin = i * points.size() / most, end = (i + 1) * points.size() / most;
    double x = 0, y = 0, values = 0;
    for (size_t j = begin; j < end; ++j) {
      x += points[j].first;
      if (!std::isfinite(points[j].second)) continue;
      y += points[j].second;
      ++values;
    }
    result.emplace_back(x / static_cast<double>(end - begin), values > 0 ? y / values : NAN);
  }
  return result;
}

struct Range {
  double low, high;
  double share(double value) const { return (value - low) / (high - low); }
};

Range x_range(const std::vector<Series>& all) {
  Range range{INFINITY, -INFINITY};
  for (const Series& series : all) {
    for (const Point& point : series.points) {
      range = {std::min(range.low, point.first), std::max(range.high, point.first)};
    }
  }
  // Runs begin at step 0 although the first report comes later.
  if (range.low > 0 && range.low < 0.2 * range.high) range.low = 0;
  if (range.high <= range.low) range = {range.low - 1, range.low + 1};
  return range;
}

Range y_range(const std::vector<Series>& all, bool starts_at_zero) {
  std::vector<double> values;
  for (const Series& series : all) {
    for (const Point& point : series.points) {
      if (std::isfinite(point.second)) values.push_back(point.second);
    }
  }
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
  };
  const double bulk = at(0.99) - at(0.01);
  Range range{std::max(values.front(), at(0.01) - bulk / 2),
              std::min(values.back(), at(0.99) + bulk / 2)};
  if (starts_at_zero) range.low = std::min(0.0, range.low);
  double margin = 0.06 * (range.high - range.low);
  // Values that differ by rounding only are drawn as a constant.
  if (margin <= 1e-9 * std::fabs(range.high)) {
    margin = range.high == 0 ? 1 : 0.1 * std::fabs(range.high);
  }
  return {starts_at_zero && range.low == 0 ? 0 : range.low - margin, range.high + margin};
}

class Drawing {
 public:
  Drawing(const Chart& chart, std::vector<Series> series)
      : chart_(chart),
        series_(std::move(series)),
        x_(x_range(series_)),
        y_(y_range(series_, chart.starts_at_zero)) {}

  std::string html() {
    out_ << "<figure class=\"chart\">\n<figcaption><b>" << escape_html(chart_.title) << "</b>";
    legend();
    out_ << "</figcaption>\n<svg viewBox=\"0 0 " << kWidth << " " << kHeight
         << "\" role=\"img\" aria-label=\"" << escape_html(chart_.title) << "\">\n";
    axes();
    for (size_t i = 0; i < series_.size(); ++i) line(series_[i], i);
    out_ << "</svg>\n</figure>\n";
    return out_.str();
  }

 private:
  std::string px(double value) const {
    return number(kLeft + x_.share(value) * (kWidth - kLeft - kRight), 5);
  }
  std::string py(double value) const {
    const double share = std::clamp(1 - y_.share(value), 0.0, 1.0);
    return number(kTop + share * (kHeight - kTop - kBottom), 5);
  }

  void legend() {
    out_ << "<span class=\"legend\">";
    for (size_t i = 0; i < series_.size(); ++i) {
      out_ << "<span><i class=\"c" << i % kColours << "\"></i>" << escape_html(series_[i].label)
           << " <small>" << number(series_[i].points.back().second, 4) << "</small></span>";
    }
    out_ << "</span>";
  }

  void text(const std::string& x, const std::string& y, const char* anchor,
            const std::string& content) {
    out_ << "<text x=\"" << x << "\" y=\"" << y << "\" text-anchor=\"" << anchor << "\">"
         << escape_html(content) << "</text>\n";
  }

  void axes() {
    for (const double tick : axis_ticks(y_.low, y_.high, 5)) {
      out_ << "<path class=\"grid\" d=\"M" << kLeft << " " << py(tick) << "H" << kWidth - kRight
           << "\"/>\n";
      text(number(kLeft - 8, 5), number(std::stod(py(tick)) + 4, 5), "end", tick_text(tick));
    }
    const double bottom = kHeight - kBottom;
    for (const double tick : axis_ticks(x_.low, x_.high, 6)) {
      out_ << "<path class=\"axis\" d=\"M" << px(tick) << " " << bottom << "v5\"/>\n";
      text(px(tick), number(bottom + 19, 5), "middle", tick_text(tick));
    }
    out_ << "<path class=\"axis\" d=\"M" << kLeft << " " << bottom << "H" << kWidth - kRight
         << "\"/>\n";
    text(number((kLeft + kWidth - kRight) / 2, 5), number(kHeight - 5, 5), "middle",
         chart_.x_label);
  }

  void line(const Series& series, size_t index) {
    std::string path;
    bool pen_is_down = false;
    for (const Point& point : series.points) {
      if (std::isfinite(point.second)) {
        path += (pen_is_down ? "L" : "M") + px(point.first) + " " + py(point.second);
        if (!pen_is_down) path += "h0";  // a lone point is a dot
      }
      pen_is_down = std::isfinite(point.second);
    }
    out_ << "<path class=\"line c" << index % kColours;
    // Beyond the last colour they begin again, dashed.
    if (index >= kColours) out_ << " d" << std::min<size_t>(2, index / kColours);
    out_ << "\" d=\"" << path << "\"><title>" << escape_html(series.label) << "</title></path>\n";
  }

  const Chart& chart_;
  std::vector<Series> series_;
  Range x_, y_;
  std::ostringstream out_;
};

}  // namespace

std::vector<double> axis_ticks(double low, double high, int count) {
  std::vector<double> ticks;
  // Steps of a range of few neighbouring doubles could not be counted.
  const double smallest = 1e-12 * std::max(std::fabs(low), std::fabs(high));
  if (!(high - low > smallest) || !std::isfinite(high - low)) return ticks;
  const double raw = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.5, 2.0, 1.0}) {
    if (factor * power >= raw * (1 - 1e-9)) step = factor * power;
  }
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) {
    ticks.push_back(i * step);
  }
  return ticks;
}

std::vector<Series> drawn_series(const Chart& chart, size_t most) {
  std::vector<Series> series;
  for (const Series& one : chart.series) {
    const bool has_value = std::any_of(one.points.begin(), one.points.end(),
                                       [](const Point& p) { return std::isfinite(p.second); });
    if (has_value) series.push_back({one.label, thinned(one.points, most)});
  }
  return series;
}

std::pair<double, double> shown_range(const std::vector<Series>& series, bool starts_at_zero) {
  const Range range = y_range(series, starts_at_zero);
  return {range.low, range.high};
}

std::string svg_chart(const Chart& chart) {
  std::vector<Series> series = drawn_series(chart, kMaxPoints);
  return series.empty() ? "" : Drawing(chart, std::move(series)).html();
}

std::string escape_html(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

}  // namespace bbg::report
