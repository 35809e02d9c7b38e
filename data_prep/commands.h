#pragma once
// The table of data_prep's commands. A command is described in a file of this folder, and has a
// line of BBG_DATA_PREP_COMMANDS.

#include "command/command.h"

#define BBG_DATA_PREP_COMMANDS(COMMAND) \
  COMMAND(shard)                        \
  COMMAND(verify)                       \
  COMMAND(info)                         \
  COMMAND(merge)                        \
  COMMAND(split)                        \
  COMMAND(version)

namespace bbg::data_prep {

// command::Command shard_command(), and so on. Each writes its result to standard output and throws
// what went wrong.
#define BBG_DECLARE(NAME) command::Command NAME##_command();
BBG_DATA_PREP_COMMANDS(BBG_DECLARE)
#undef BBG_DECLARE

// Fills `program` with them and with `commands`, which prints pages about all.
void fill_program(command::Program& program);

}  // namespace bbg::data_prep
