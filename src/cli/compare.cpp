#include "report/compare.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "core/file_system.h"
#include "core/standard_output.h"
#include "measure/table.h"

namespace bbg::cli {

namespace {

struct Wanted {
  std::vector<std::string> runs;
  std::string output;
  bool json = false;
};

void compare(const Wanted& wanted) {
  const auto files = core::make_posix_file_system();
  const report::Comparison comparison = report::compare_runs(*files, wanted.runs);
  if (!wanted.output.empty()) {
    core::write_atomically(*files, wanted.output,
                           report::comparison_html(comparison, measure::shown(measure::table())));
  }
  core::print(wanted.json ? report::comparison_json(comparison).dump(2) + "\n"
                          : report::comparison_text(comparison));
}

}  // namespace

command::Command compare_command(Job&) {
  const auto wanted = std::make_shared<Wanted>();  // shared by the options and by what runs
  command::Command command{
      .name = "compare",
      .summary = "shows runs beside each other: options that differ, measures, last values",
      .examples = "  bbg_dist compare runs/first runs/second --output comparison.html"};
  command.options.add_arguments("RUN", &wanted->runs, "folders of runs").file();
  command.options
      .add("--output", "FILE.html", &wanted->output, "also a page with the curves of all runs")
      .path();
  command.options.add_flag("--json", &wanted->json, "as JSON");
  command.run = [wanted] { compare(*wanted); };
  return command;
}

}  // namespace bbg::cli
