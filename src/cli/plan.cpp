#include "plan/plan.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "core/standard_output.h"

namespace bbg::cli {

command::Command plan_command(Job& job) {
  const auto json = std::make_shared<bool>(false);  // shared by the option and by what runs
  command::Command command{
      .name = "plan",
      .summary = "says what a run would build: parameters, memory; nothing is computed",
      .examples = "  bbg_dist plan --config mine.ini --model.width 96",
      .reads_run = true};
  command.options.add_flag("--json", json.get(), "report as JSON");
  command.run = [&job, json] {
    const auto plan = plan::plan(job.config);
    core::print((*json ? plan.dump(2) : plan::plan_text(plan)) + "\n");
  };
  return command;
}

}  // namespace bbg::cli
