#include <memory>

#include "command/pages.h"
#include "core/error.h"
#include "core/standard_output.h"

namespace bbg::command {

Command commands_command(const Program& program) {
  struct Wanted {
    bool markdown = false, man = false;
    std::string completion;
  };
  const auto wanted = std::make_shared<Wanted>();  // shared by the options and by what runs
  Command command{.name = "commands",
                  .summary = "prints a page of all commands, a man page or completion for a shell",
                  .examples = "  source <(" + program.name + " commands --completion bash)\n  " +
                              program.name + " commands --man | man -l -"};
  command.options.add_flag("--markdown", &wanted->markdown, "the page docs/commands.md");
  command.options.add_flag("--man", &wanted->man, "the man page");
  command.options.add("--completion", "", &wanted->completion, "completion for this shell")
      .one_of({"bash"});
  command.run = [&program, wanted] {
    const int asked = wanted->markdown + wanted->man + !wanted->completion.empty();
    if (asked != 1) {
      throw core::UsageError("commands prints one of --markdown, --man and --completion bash",
                             program.name + " --help lists the commands");
    }
    core::print(wanted->markdown ? markdown_page(program)
                : wanted->man    ? man_page(program)
                                 : bash_completion(program));
  };
  return command;
}

}  // namespace bbg::command
