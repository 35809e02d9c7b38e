#pragma once
// The commands of a program, in one table: what each is called, which options it has and what it
// does. From the table come the reading of a command line (call.h), the help (help.h), and the
// page, man page and shell completion (pages.h). Single-threaded.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "command/option.h"
#include "core/options.h"

namespace bbg::command {

// Where a command works.
enum class Place {
  kHere,   // in each process by itself, whatever started it
  kAlone,  // in one process; several of one job are refused
  kRanks,  // on all ranks of a job, of which there may be one
  kJob,    // on all ranks of a job; without a launcher in one process, which needs no MPI
};

struct Command {
  std::string name;
  std::string summary;        // "checks a data set": what it does, for lists
  std::string details = {};   // for its help, as sentences; empty: the summary
  std::string examples = {};  // lines to type
  bool reads_run = false;     // takes `--config FILE` and `--section.key value`, too
  Place place = Place::kHere;
  Options options = {};            // its own
  std::function<void()> run = {};  // once its options have been read
};

struct Program {
  Program() = default;
  Program(const Program&) = delete;  // its own commands refer to it
  Program& operator=(const Program&) = delete;

  std::string name, version;
  std::string summary;          // "trains GANs"
  std::string details = {};     // for its help: what commands have in common
  std::string default_command;  // for a command line that begins with an option; may be empty
  std::vector<Command> commands;
  std::vector<std::pair<int, std::string>> exit_codes;
  const core::OptionTable* run_options = nullptr;  // for the commands that read a run

  Command* find(const std::string& command);
};

}  // namespace bbg::command
