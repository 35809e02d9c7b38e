#include "report/html.h"

#include "core/text.h"
#include "report/page/cards.h"
#include "report/page/charts.h"
#include "report/page/details.h"
#include "report/page/frame.h"
#include "report/page/grids.h"
#include "report/page/system.h"
#include "report/run_record.h"

namespace bbg::report {

namespace {

using core::with_separators;

// "bigbigan · 32 × 32 pixels · batch 64 · 2,000 steps"
std::string summary_of(const RunRecord& run) {
  std::vector<std::string> parts;
  const auto option = [&](const char* key) {
    const auto found = run.config.find(key);
    return found == run.config.end() ? std::string() : found->second;
  };
  if (const auto system = option("model.system"); !system.empty()) parts.push_back(system);
  if (const auto side = option("model.resolution"); !side.empty()) {
    const auto channels = option("model.channels");
    parts.push_back(side + " × " + side + (channels == "1" ? " grey" : "") + " pixels");
  }
  if (const auto batch = option("data.batch"); !batch.empty()) parts.push_back("batch " + batch);
  if (!run.intervals.empty()) {
    const int64_t step = run.intervals.back()["step"].get<int64_t>();
    const auto steps = option("run.steps");
    const bool is_whole = steps.empty() || steps == std::to_string(step);
    parts.push_back(is_whole ? with_separators(step) + " steps"
                             : "step " + with_separators(step) + " of " + steps);
  }
  return core::join(parts, " · ");
}

std::string page_of(const RunRecord& run, const Measures& measures, core::FileSystem& files) {
  ChartSet charts;
  std::string html = page_head(run.name, summary_of(run)) + failure_html(run) +
                     cards_html(run, measures) + grids_html(run, files);
  const std::string training = charts.add(training_charts(run, measures));
  const std::string system = system_html(run, charts);
  if (!training.empty()) html += "<h2>Training</h2>\n" + ChartSet::controls() + training;
  html += measures_html(run, measures) + system + details_html(run);
  return html + page_end(charts.data());
}

}  // namespace

void write_html_report(core::FileSystem& files, const std::string& run_folder,
                       const Measures& measures) {
  const RunRecord run = read_run(files, run_folder);
  core::write_atomically(files, run_folder + "/report.html", page_of(run, measures, files));
}

}  // namespace bbg::report
