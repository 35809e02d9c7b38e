#include "run/reports.h"

#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/file_system.h"
#include "core/paths.h"
#include "measure/table.h"
#include "report/console.h"
#include "report/html.h"
#include "report/jsonl.h"
#include "report/png.h"
#include "report/prometheus.h"
#include "report/tensorboard.h"

namespace bbg::run {

namespace {

// Bytes of the whole lines of samples.log whose step is at most `step`: later ones will be run
// again, and a kill may have torn the last.
int64_t bytes_up_to_step(const std::string& text, int64_t step) {
  size_t keep = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', keep)) {
    if (std::strtoll(text.c_str() + keep, nullptr, 10) > step) break;
    keep = end + 1;
  }
  return static_cast<int64_t>(keep);
}

// The numbers of evaluation.json, by group and name.
core::Values values_of(const nlohmann::ordered_json& evaluation) {
  core::Values values;
  for (const auto& [group, entries] : evaluation.items()) {
    if (!entries.is_object()) continue;
    for (const auto& [name, value] : entries.items()) {
      if (value.is_number()) values.emplace_back(group + "." + name, value.get<double>());
    }
  }
  return values;
}

}  // namespace

Reports::Reports(const RunConfig& config, const RunFolder& folder, comm::Communicator& control,
                 const core::Log& log)
    : config_(config), folder_(folder), control_(control), log_(log) {}

Reports::~Reports() = default;

void Reports::go_on_from(int64_t step) {
  const std::string metrics = folder_.path("metrics.jsonl");
  std::vector<std::unique_ptr<report::Sink>> sinks;
  sinks.push_back(report::make_console_sink());
  sinks.push_back(report::make_jsonl_sink(metrics, step));
  sinks.push_back(report::make_prometheus_sink(folder_.files(), folder_.path("metrics.prom"),
                                               {config_.run.name, config_.run.output}));
  sinks.push_back(report::make_tensorboard_sink(config_.run.output, step));
  sinks_ = report::make_fan_out(std::move(sinks));
  if (!config_.report.sample_log) return;
  const std::string samples = folder_.path("samples.log");
  core::FileSystem& files = folder_.files();
  const int64_t kept = files.exists(samples) ? bytes_up_to_step(files.read(samples), step) : 0;
  sample_log_ = std::make_unique<report::AppendFile>(samples, kept);
}

void Reports::changes(int64_t step, const std::vector<report::OptionChange>& changes) {
  sinks_->changes(step, changes);
}

void Reports::interval(const report::Interval& interval) {
  if (folder_.is_owner()) sinks_->interval(interval);
}

void Reports::more(int64_t step, const core::Values& values) {
  if (!folder_.is_owner()) return;
  sinks_->more(step, values);
  renew_html();
}

void Reports::log_samples(int64_t step, const std::vector<at::Tensor>& own_sample_ids) {
  if (!config_.report.sample_log) return;
  // [ranks, draws, portions, rows] -> draw by draw, in slot order (core/slots.h)
  const int64_t draws = std::ssize(own_sample_ids);
  const at::Tensor all =
      control_.all_gather(at::stack(own_sample_ids).view({1, draws, config_.train.accumulate, -1}))
          .permute({1, 2, 0, 3})
          .contiguous();
  if (!folder_.is_owner()) return;
  std::string line = std::to_string(step);
  for (int64_t i = 0; i < all.numel(); ++i)
    line += " " + std::to_string(all.data_ptr<int64_t>()[i]);
  sample_log_->append(line + "\n");
}

void Reports::image(int64_t step, const std::string& name,
                    const std::optional<core::Image>& image) {
  if (!image) return;
  const std::string path = folder_.path("grids/" + core::numbered(name + "-", step) + ".png");
  report::write_png(folder_.files(), path, *image);
  sinks_->image(step, name, *image);
}

void Reports::grids(int64_t step, const measure::Grids& grids) {
  image(step, "samples", grids.samples);
  image(step, "reconstructions", grids.reconstructions);
  if (folder_.is_owner()) renew_html();
}

void Reports::renew_html() {
  const auto now = [] {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(since).count();
  };
  const double begin = now();
  if (!html_pace_.is_due(begin)) return;
  try {
    write_html();
  } catch (const std::exception& error) {  // the run is worth more than its page
    log_.warn("report.html was not written: " + std::string(error.what()));
  }
  html_pace_.wrote(begin, now());
}

void Reports::write_html() {
  if (!folder_.is_owner()) return;
  report::write_html_report(folder_.files(), config_.run.output, measure::shown(measure::table()));
}

void Reports::finish(int64_t step, const nlohmann::ordered_json& evaluation) {
  if (!folder_.is_owner()) return;
  nlohmann::ordered_json content = evaluation;
  content["step"] = step;
  core::write_atomically(folder_.files(), folder_.path("evaluation.json"), content.dump(2) + "\n");
  const core::Values values = values_of(content);
  sinks_->evaluation(step, values);
  sinks_->close();
  write_html();
  for (const auto& [name, value] : values) log_.info(name + " = " + std::to_string(value));
  log_.info("report: " + folder_.path("report.html"));
}

}  // namespace bbg::run
