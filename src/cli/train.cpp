#include "cli/commands.h"
#include "run/compare_ranks.h"
#include "run/train_loop.h"

namespace bbg::cli {

command::Command train_command(Job& job) {
  return {.name = "train",
          .summary =
              "trains, or goes on with, the run that FILE describes, and evaluates it at its "
              "end; the same line alone, under mpirun or under srun",
          .examples =
              "  bbg_dist --config mine.ini\n"
              "  mpirun -np 2 bbg_dist --config mine.ini --run.steps 40000",
          .reads_run = true,
          .place = command::Place::kRanks,
          .run = [&job] {
            run::compare_ranks(job.ranks(), run::facts_of_start(job.config, BBG_VERSION));
            const core::Log log = job.log();
            job.say_note(log);
            job.use_config();
            run::train(job.config, job.ranks(), log);
          }};
}

}  // namespace bbg::cli
