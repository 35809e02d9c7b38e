#pragma once
// The table of bbg_dist's commands. A command is a file of this folder, which describes it, and a
// line of BBG_DIST_COMMANDS.

#include "cli/job.h"
#include "command/command.h"

#define BBG_DIST_COMMANDS(COMMAND) \
  COMMAND(new_run)                 \
  COMMAND(train)                   \
  COMMAND(evaluate)                \
  COMMAND(plan)                    \
  COMMAND(sample)                  \
  COMMAND(encode)                  \
  COMMAND(reconstruct)             \
  COMMAND(interpolate)             \
  COMMAND(shift)                   \
  COMMAND(score)                   \
  COMMAND(export)                  \
  COMMAND(options)                 \
  COMMAND(metrics)                 \
  COMMAND(compare)                 \
  COMMAND(version)

namespace bbg::cli {

// command::Command train_command(Job& job), and so on. What a command runs refers to `job`.
#define BBG_DECLARE(NAME) command::Command NAME##_command(Job& job);
BBG_DIST_COMMANDS(BBG_DECLARE)
#undef BBG_DECLARE

// Fills `program` with them and with `commands`, which prints pages about all.
void fill_program(Job& job, command::Program& program);

}  // namespace bbg::cli
