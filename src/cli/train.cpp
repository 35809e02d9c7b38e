#include "cli/commands.h"
#include "cli/run_command.h"
#include "run/stop_signal.h"
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
            const run::UnreadPipes no_reader;
            const core::Log log = begin_on_ranks(job, [] {});
            run::train(job.config, job.ranks(), log);
          }};
}

}  // namespace bbg::cli
