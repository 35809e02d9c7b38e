#include "cli/commands.h"

#include "command/pages.h"
#include "core/error.h"

namespace bbg::cli {

void fill_program(Job& job, command::Program& program) {
  program.name = "bbg_dist";
  program.version = BBG_VERSION;
  program.summary =
      "trains BigBiGAN (a generator, an encoder and a joint discriminator), BiGAN, BigGAN and GANs";
  program.details =
      "Options of a run stand in its file as `key = value` under `[section]`; on the command line, "
      "as `--section.key value`, they win over the file.";
  program.default_command = "train";
  program.exit_codes = {
      {core::kExitSuccess, "done"},
      {core::kExitUsage,
       "something in the command, the configuration or the data that you can fix"},
      {core::kExitRestart,
       "failed, but starting the same command again resumes from the newest checkpoint"},
      {core::kExitBug, "a bug of bbg_dist"},
      {core::kExitFailure, "any other failure"}};
  program.run_options = &job.config.table;
#define BBG_ADD(NAME) program.commands.push_back(NAME##_command(job));
  BBG_DIST_COMMANDS(BBG_ADD)
#undef BBG_ADD
  program.commands.push_back(command::commands_command(program));
}

}  // namespace bbg::cli
