// bbg_dist: trains GANs with and without an encoder. The only place that catches every error and
// turns it into one message and an exit code.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/export.h"
#include "cli/sample.h"
#include "comm/end_job.h"
#include "comm/launcher.h"
#include "comm/make_communicator.h"
#include "comm/self_communicator.h"
#include "core/error.h"
#include "core/first_calls.h"
#include "core/open_files.h"
#include "core/standard_output.h"
#include "measure/protocol.h"
#include "plan/plan.h"
#include "run/compare_ranks.h"
#include "run/device.h"
#include "run/run_config.h"
#include "run/run_on_all_ranks.h"
#include "run/train_loop.h"

namespace {

using namespace bbg;

constexpr const char* kUsage =
    "bbg_dist trains BigBiGAN (a generator, an encoder and a joint discriminator), BiGAN, BigGAN "
    "and\n"
    "GANs.\n"
    "\n"
    "  bbg_dist --config FILE [--section.key value]...   train, or go on with, the run that FILE "
    "describes;\n"
    "                                                    the same line alone, under mpirun or "
    "under srun\n"
    "  bbg_dist plan --config FILE [--json] ...          what it would build: parameters, "
    "memory; nothing runs\n"
    "  bbg_dist sample --config FILE --output FILE.png|FOLDER [--json] ...\n"
    "                                                    images from that run's newest checkpoint, "
    "as a grid or\n"
    "                                                    as files; also --count 64, --draw 0, "
    "--label NUMBER,\n"
    "                                                    --class NAME[,NAME...] (a row each),\n"
    "                                                    --checkpoint FOLDER (or best), --averaged "
    "false,\n"
    "                                                    --eval.truncation 1\n"
    "  bbg_dist export --config FILE --output FILE.safetensors [--json] ...\n"
    "                                                    that run's G and E for other programs, "
    "from its newest\n"
    "                                                    checkpoint; also --networks \"G E D\", "
    "--checkpoint FOLDER,\n"
    "                                                    --averaged false, --with-example true\n"
    "  bbg_dist options [--markdown]                     every option with default, unit and "
    "bounds\n"
    "  bbg_dist metrics --markdown                       what a run measures, and how\n"
    "  bbg_dist --help | --version [--json]\n"
    "\n"
    "Options stand in the file as `key = value` under `[section]`; the command line wins over the "
    "file.\n"
    "Exit codes: 0 done; 2 something in the command, the configuration or the data that you can "
    "fix; 75 failed, but\n"
    "starting the same command again resumes from the newest checkpoint; 70 a bug of bbg_dist; 1 "
    "any other failure.\n";

void print_version(bool json) {
  const std::string nccl = comm::nccl_version();
  if (json) {
    std::printf("{\"bbg_dist\": \"%s\", \"torch\": \"2.11.0\", \"nccl\": \"%s\"}\n", BBG_VERSION,
                nccl.c_str());
  } else {
    std::printf("bbg_dist %s (torch 2.11.0, %s)\n", BBG_VERSION,
                nccl.empty() ? "without CUDA" : ("NCCL " + nccl).c_str());
  }
}

// Commands that need no ranks. True if the command line was one of them.
bool answer_alone(const std::vector<std::string>& arguments) {
  const auto has = [&](const char* word) {
    for (const std::string& argument : arguments) {
      if (argument == word) return true;
    }
    return false;
  };
  if (has("--help") || has("-h")) {
    core::print(kUsage + run::RunConfig().table.help_text());
  } else if (has("--version")) {
    print_version(has("--json"));
  } else if (!arguments.empty() && arguments[0] == "options") {
    const run::RunConfig config;
    core::print(has("--markdown") ? config.table.markdown_text() : config.table.help_text());
  } else if (!arguments.empty() && arguments[0] == "metrics") {
    core::print(measure::markdown(measure::table()));
  } else if (!arguments.empty() && arguments[0] == "plan") {
    std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
    rest.erase(std::remove(rest.begin(), rest.end(), "--json"), rest.end());
    run::RunConfig config;
    config.parse(rest);
    const auto plan = plan::plan(config);
    core::print((has("--json") ? plan.dump(2) : plan::plan_text(plan)) + "\n");
  } else {
    return false;
  }
  return true;
}

bool is_lone_command(const std::vector<std::string>& arguments) {
  return !arguments.empty() && (arguments[0] == "export" || arguments[0] == "sample");
}

template <class Options, class Work>
void work_alone(std::vector<std::string> arguments, Work work) {
  const bool json = std::erase(arguments, "--json") > 0;
  Options options;
  run::RunConfig config;
  options.take_from(arguments);
  config.parse(arguments);
  comm::SelfCommunicator alone;
  const core::Log log(alone.rank(), alone.size(), true);
  if (!config.note.empty()) log.info(config.note);
  const auto [facts, text] = work(config, options, alone, log);
  core::print(json ? facts.dump(2) + "\n" : text);
  core::flush_standard_output();
}

// `bbg_dist export` and `sample`, without MPI.
void run_lone_command(const std::vector<std::string>& arguments) {
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (arguments[0] == "export") {
    work_alone<cli::ExportOptions>(
        rest, [](const auto& config, const auto& options, auto& alone, const auto& log) {
          const auto facts = cli::export_networks(config, options, BBG_VERSION, alone, log);
          return std::pair(facts, cli::export_text(facts));
        });
  } else {
    work_alone<cli::SampleOptions>(
        rest, [](const auto& config, const auto& options, auto& alone, const auto& log) {
          const auto facts = cli::sample(config, options, alone, log);
          return std::pair(facts, cli::sample_text(facts));
        });
  }
}

int say(const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", core::message_of(error).c_str());
  return core::exit_code_of(error);
}

// This rank's own failure: the others may wait in a collective, so they are told by ending the job.
int fail(comm::Communicator& ranks, const std::exception& error) {
  if (ranks.size() > 1) comm::end_job(ranks, error);
  return say(error);
}

int run_job(const std::vector<std::string>& arguments, comm::Communicator& control) {
  run::RunConfig config;
  // The options are read over a communicator with the default deadline; the run has one of its own,
  // which lives until this rank's failure is told.
  std::unique_ptr<comm::Communicator> own;
  comm::Communicator* ranks = &control;
  try {
    run::run_on_all_ranks(control, [&] {
      if (is_lone_command(arguments)) {
        throw core::UsageError("bbg_dist " + arguments[0] + " works alone, not on " +
                                   std::to_string(control.size()) + " ranks",
                               "start it without mpirun or srun");
      }
      if (arguments.empty()) {
        throw core::UsageError(
            "nothing to do: no --config given",
            "bbg_dist --help shows the ways to call it; launch/demo runs an example");
      }
      config.parse(arguments);
    });
    run::compare_ranks(control, run::facts_of_start(config, BBG_VERSION));
    const core::Log log(control.rank(), control.size(), control.rank() == 0);
    if (!config.note.empty()) log.info(config.note);
    config.comm.dump_folder = config.run.output;
    own = comm::make_mpi_communicator(config.comm);
    ranks = own.get();
    run::train(config, *ranks, log);
    return core::kExitSuccess;
  } catch (const run::JobEnd& end) {
    return end.exit_code;
  } catch (const c10::OutOfMemoryError& error) {
    return fail(*ranks, run::out_of_gpu_memory(error));
  } catch (const std::exception& error) {
    return fail(*ranks, error);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bbg::core::raise_open_file_limit();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (answer_alone(arguments)) {
      bbg::core::flush_standard_output();
      return bbg::core::kExitSuccess;
    }
    if (is_lone_command(arguments) && bbg::comm::find_launcher().ranks == 1) {
      bbg::core::make_first_calls();
      run_lone_command(arguments);
      return bbg::core::kExitSuccess;
    }
    const bbg::comm::MpiSession session;
    bbg::core::make_first_calls();
    const auto control = bbg::comm::make_mpi_communicator({});
    return run_job(arguments, *control);
  } catch (const c10::OutOfMemoryError& error) {
    return say(bbg::run::out_of_gpu_memory(error));
  } catch (const std::exception& error) {
    return say(error);
  }
}
