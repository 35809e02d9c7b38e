#pragma once
// Texts generated from a program's table for other places than its own help: a page of the
// documentation, a man page and completion for bash. Tests compare the files in the repository
// with them.

#include <string>

#include "command/command.h"

namespace bbg::command {

std::string markdown_page(const Program& program);  // docs/commands.md
std::string man_page(const Program& program);       // docs/man/<program>.1
// Completes commands, options, words that an option is one of, and files.
std::string bash_completion(const Program& program);  // launch/completion/<program>.bash

// `commands`, which prints them. It refers to `program`.
Command commands_command(const Program& program);

}  // namespace bbg::command
