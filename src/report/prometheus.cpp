#include "report/prometheus.h"

#include <cmath>
#include <cstdio>
#include <span>

namespace bbg::report {

namespace {

// The text of one family must be the same in every file that a collector reads.
std::string help_of(const std::string& field) {
  static const std::map<std::string, std::string> texts = {
      {"step", "Finished steps."},
      {"total_steps", "Steps that the run is to make."},
      {"images", "Real images seen since step 0."},
      {"seconds", "Since this process began to train."},
      {"images_per_second", "Real images a second in the last interval."},
      {"data_seconds", "Seconds that the slowest rank waited for data in the last interval."}};
  if (const auto known = texts.find(field); known != texts.end()) return known->second;
  if (field.rfind("sigma.", 0) == 0) return "Largest singular value of a weight.";
  if (field.rfind("evaluation.", 0) == 0) {
    return "The value of " + field.substr(11) + " in evaluation.json.";
  }
  return "The last value of " + field + " in metrics.jsonl.";
}

// Backslashes and line ends are escaped everywhere, quotes in labels.
std::string escaped(const std::string& text, bool is_label) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\\\";
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '"' && is_label) {
      result += "\\\"";
    } else {
      result += c;
    }
  }
  return result;
}

std::string value_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[64];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

class PrometheusSink final : public Sink {
 public:
  PrometheusSink(core::FileSystem& files, std::string path, PrometheusLabels labels)
      : files_(files), path_(std::move(path)), labels_(std::move(labels)) {}

  void interval(const Interval& interval) override {
    values_["step"] = static_cast<double>(interval.step);
    values_["total_steps"] = static_cast<double>(interval.total_steps);
    values_["images"] = static_cast<double>(interval.images);
    values_["seconds"] = interval.seconds;
    values_["images_per_second"] = interval.images_per_second;
    values_["data_seconds"] = interval.data_seconds;
    take(interval.values, "");
  }
  void more(int64_t, const core::Values& values) override { take(values, ""); }
  void image(int64_t, const std::string&, const core::Image&) override {}
  void evaluation(int64_t, const core::Values& values) override { take(values, "evaluation."); }
  void close() override {}

 private:
  void take(const core::Values& values, const std::string& group) {
    for (const auto& [name, value] : values) values_[group + name] = value;
    const std::string aside = path_ + ".partial", text = prometheus_text(values_, labels_);
    const auto file = files_.create(aside);
    file->append(std::as_bytes(std::span(text)));
    file->close();
    files_.rename(aside, path_);
  }

  core::FileSystem& files_;
  std::string path_;
  PrometheusLabels labels_;
  std::map<std::string, double> values_;
};

}  // namespace

std::string prometheus_name(const std::string& field) {
  std::string name = "bbg_";
  for (const char c : field) {
    const bool is_allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    name += is_allowed ? c : '_';
  }
  return name;
}

std::string prometheus_text(const std::map<std::string, double>& values,
                            const PrometheusLabels& labels) {
  const std::string own =
      "run=\"" + escaped(labels.run, true) + "\",folder=\"" + escaped(labels.folder, true) + "\"";
  // Samples of one family must stand together.
  std::map<std::string, std::string> families, heads;
  for (const auto& [field, value] : values) {
    const bool is_of_weight = field.rfind("sigma.", 0) == 0;
    const std::string name = prometheus_name(is_of_weight ? "sigma" : field);
    heads.try_emplace(name, "# HELP " + name + " " + escaped(help_of(field), false) + "\n# TYPE " +
                                name + " gauge\n");
    families[name] += name + "{" + own +
                      (is_of_weight ? ",weight=\"" + escaped(field.substr(6), true) + "\"" : "") +
                      "} " + value_text(value) + "\n";
  }
  std::string text;
  for (const auto& [name, samples] : families) text += heads[name] + samples;
  return text;
}

std::unique_ptr<Sink> make_prometheus_sink(core::FileSystem& files, const std::string& path,
                                           const PrometheusLabels& labels) {
  return std::make_unique<PrometheusSink>(files, path, labels);
}

}  // namespace bbg::report
