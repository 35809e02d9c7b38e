#include <memory>

#include "cli/commands.h"
#include "core/standard_output.h"

namespace bbg::cli {

command::Command options_command(Job& job) {
  const auto markdown = std::make_shared<bool>(false);  // shared by the option and by what runs
  command::Command command{
      .name = "options",
      .summary = "lists every option of a run with its default, unit and bounds"};
  command.options.add_flag("--markdown", markdown.get(), "as the page docs/options.md");
  command.run = [&job, markdown] {
    const core::OptionTable& table = job.config.table;
    core::print(*markdown ? table.markdown_text() : table.help_text());
  };
  return command;
}

}  // namespace bbg::cli
