#include <memory>

#include "cli/commands.h"
#include "core/standard_output.h"
#include "measure/protocol.h"

namespace bbg::cli {

command::Command metrics_command(Job&) {
  const auto markdown = std::make_shared<bool>(false);  // lives as long as the option
  command::Command command{.name = "metrics", .summary = "says what a run measures, and how"};
  command.options.add_flag("--markdown", markdown.get(), "as the page docs/metrics.md, as without");
  command.run = [markdown] { core::print(measure::markdown(measure::table())); };
  return command;
}

}  // namespace bbg::cli
