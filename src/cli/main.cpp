// bbg_dist: trains GANs with and without an encoder. The only place that catches every error and
// turns it into one message and an exit code.

#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/job.h"
#include "comm/launcher.h"
#include "command/call.h"
#include "command/help.h"
#include "core/error.h"
#include "core/first_calls.h"
#include "core/open_files.h"
#include "core/standard_output.h"
#include "run/device.h"
#include "run/run_on_all_ranks.h"

namespace {

using namespace bbg;
using command::Place;

// Throws what is wrong with the words, or reads the options of the run.
void prepare(const command::Call& call, cli::Job& job, int ranks) {
  if (call.problem) throw *call.problem;
  const command::Command& command = *call.command;
  if (command.place == Place::kAlone && ranks > 1) {
    throw core::UsageError(
        "bbg_dist " + command.name + " works alone, not on " + std::to_string(ranks) + " ranks",
        "start it without mpirun or srun");
  }
  if (command.place == Place::kRanks && call.run_words.empty()) {
    throw core::UsageError(
        "nothing to do: no --config given",
        "bbg_dist --help shows the ways to call it; launch/demo runs an example");
  }
  if (command.reads_run) job.config.parse(call.run_words);
}

void work(cli::Job& job, const command::Program& program, const command::Call& call) {
  if (call.wants_help && !call.problem) {
    core::print(command::help_of(program, call));
    core::flush_standard_output();
    return;
  }
  const Place place = call.problem ? Place::kAlone : call.command->place;
  // One process says what several are refused.
  const bool is_job = (place == Place::kRanks && !call.problem) ||
                      (place != Place::kHere && comm::find_launcher().ranks > 1);
  if (is_job) {
    job.start_mpi();
    run::run_on_all_ranks(job.ranks(), [&] {
      core::make_first_calls();
      prepare(call, job, job.ranks().size());
    });
  } else {
    if (place == Place::kJob) {
      job.be_alone();
    } else if (place != Place::kHere) {
      core::make_first_calls();
    }
    prepare(call, job, 1);
  }
  call.command->run();
  if (!is_job) core::flush_standard_output();
}

}  // namespace

int main(int argc, char** argv) {
  core::raise_open_file_limit();
  cli::Job job;
  try {
    command::Program program;
    cli::fill_program(job, program);
    const command::Call call = command::read_call(program, {argv + 1, argv + argc});
    work(job, program, call);
    return core::kExitSuccess;
  } catch (const run::JobEnd& end) {
    return end.exit_code;
  } catch (const c10::OutOfMemoryError& error) {
    return job.fail(run::out_of_gpu_memory(error));
  } catch (const std::exception& error) {
    return job.fail(error);
  }
}
