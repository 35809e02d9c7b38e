// data_prep: makes, checks and describes the shards that bbg_dist trains from.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/open_files.h"
#include "core/standard_output.h"
#include "data_prep/commands.h"

namespace {

constexpr const char* kHelp =
    "Usage: data_prep COMMAND [OPTIONS]\n"
    "\n"
    "  shard    converts images (a folder, an IDX file, CIFAR) to shards\n"
    "  verify   reads every byte of a data set and checks it\n"
    "  info     says what a data set holds\n"
    "\n"
    "data_prep COMMAND --help explains the options; --version prints the version.\n"
    "Exit codes: 0 done, 1 a system call failed, 2 something the user can fix, 70 a bug,\n"
    "75 reading failed in a way that may pass, as over a network.\n";

bool wants_help(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--help" || argument == "-h") return true;
  }
  return false;
}

int run(const std::vector<std::string>& arguments) {
  using namespace bbg::data_prep;
  if (arguments.empty()) {
    std::fputs(kHelp, stderr);
    return bbg::core::kExitUsage;
  }
  const std::string& command = arguments[0];
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  const auto parse_and_run = [&](CommandLine line, const std::function<void()>& body) {
    if (wants_help(rest)) {
      bbg::core::print(line.help_text());
      return bbg::core::kExitSuccess;
    }
    line.parse(rest);
    body();
    return bbg::core::kExitSuccess;
  };
  if (command == "shard") {
    ShardOptions options;
    return parse_and_run(options.declare(), [&] { run_shard(options); });
  }
  if (command == "verify") {
    ReportOptions options;
    return parse_and_run(options.declare_verify(), [&] { run_verify(options); });
  }
  if (command == "info") {
    ReportOptions options;
    return parse_and_run(options.declare_info(), [&] { run_info(options); });
  }
  if (command == "--help" || command == "-h" || command == "help") {
    bbg::core::print(kHelp);
    return bbg::core::kExitSuccess;
  }
  if (command == "--version") {
    std::puts("data_prep " BBG_VERSION);
    return bbg::core::kExitSuccess;
  }
  throw bbg::core::UsageError("unknown command '" + command + "'",
                              "data_prep --help lists the commands");
}

}  // namespace

int main(int argc, char** argv) {
  bbg::core::raise_open_file_limit();
  try {
    const int code = run({argv + 1, argv + argc});
    bbg::core::flush_standard_output();
    return code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "data_prep: %s\n", bbg::core::message_of(error).c_str());
    // HDF5's clean-up at exit crashes over a file that could not be closed, as on a full disk. All
    // else has been unwound, so leave without it.
    std::fflush(nullptr);
    std::_Exit(bbg::core::exit_code_of(error));
  }
}
