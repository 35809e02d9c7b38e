// data_prep: makes, checks and describes the shards that bbg_dist trains from.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "command/call.h"
#include "command/help.h"
#include "core/error.h"
#include "core/open_files.h"
#include "core/standard_output.h"
#include "data_prep/commands.h"

namespace {

using namespace bbg;

int work(const std::vector<std::string>& arguments) {
  command::Program program;
  data_prep::fill_program(program);
  if (arguments.empty()) {
    std::fputs(command::program_help(program).c_str(), stderr);
    return core::kExitUsage;
  }
  const command::Call call = command::read_call(program, arguments);
  if (call.problem) throw *call.problem;
  if (call.wants_help) {
    core::print(command::help_of(program, call));
  } else {
    call.command->run();
  }
  core::flush_standard_output();
  return core::kExitSuccess;
}

}  // namespace

int main(int argc, char** argv) {
  core::raise_open_file_limit();
  try {
    return work({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "data_prep: %s\n", core::message_of(error).c_str());
    // HDF5's clean-up at exit crashes over a file that could not be closed, as on a full disk. All
    // else has been unwound, so leave without it.
    std::fflush(nullptr);
    std::_Exit(core::exit_code_of(error));
  }
}
