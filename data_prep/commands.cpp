#include "data_prep/commands.h"

#include "command/pages.h"
#include "core/error.h"
#include "core/standard_output.h"

namespace bbg::data_prep {

command::Command version_command() {
  return {.name = "version",
          .summary = "says the version of data_prep; as --version does",
          .run = [] { core::print("data_prep " BBG_VERSION "\n"); }};
}

void fill_program(command::Program& program) {
  program.name = "data_prep";
  program.version = BBG_VERSION;
  program.summary = "makes, checks and describes the shards that bbg_dist trains from";
  program.exit_codes = {
      {core::kExitSuccess, "done"},
      {core::kExitFailure, "a system call failed"},
      {core::kExitUsage, "something the user can fix"},
      {core::kExitBug, "a bug"},
      {core::kExitRestart, "reading failed in a way that may pass, as over a network"}};
#define BBG_ADD(NAME) program.commands.push_back(NAME##_command());
  BBG_DATA_PREP_COMMANDS(BBG_ADD)
#undef BBG_ADD
  program.commands.push_back(command::commands_command(program));
}

}  // namespace bbg::data_prep
