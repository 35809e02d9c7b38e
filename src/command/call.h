#pragma once
// A command line, read by the table of commands.

#include <optional>
#include <string>
#include <vector>

#include "command/command.h"
#include "core/error.h"

namespace bbg::command {

struct Call {
  Command* command = nullptr;  // none where help for the whole program is wanted
  bool wants_help = false;
  std::vector<std::string> run_words;            // the options of the run, for OptionTable::parse
  std::optional<core::UsageError> problem = {};  // with the words; all problems in one
};

// Finds the command and sets the fields of its options. `arguments` is without the program's name.
Call read_call(Program& program, const std::vector<std::string>& arguments);

}  // namespace bbg::command
