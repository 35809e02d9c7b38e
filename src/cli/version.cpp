#include <memory>
#include <string>

#include "cli/commands.h"
#include "comm/make_communicator.h"
#include "core/standard_output.h"

namespace bbg::cli {

namespace {

void print_version(bool json) {
  const std::string torch = "2.11.0";
  const std::string nccl = comm::nccl_version();
  if (json) {
    core::print("{\"bbg_dist\": \"" BBG_VERSION "\", \"torch\": \"" + torch + "\", \"nccl\": \"" +
                nccl + "\"}\n");
  } else {
    core::print("bbg_dist " BBG_VERSION " (torch " + torch + ", " +
                (nccl.empty() ? "without CUDA" : "NCCL " + nccl) + ")\n");
  }
}

}  // namespace

command::Command version_command(Job&) {
  const auto json = std::make_shared<bool>(false);  // shared by the option and by what runs
  command::Command command{.name = "version",
                           .summary =
                               "says the versions of bbg_dist and of its libraries; as "
                               "--version does"};
  command.options.add_flag("--json", json.get(), "as JSON");
  command.run = [json] { print_version(*json); };
  return command;
}

}  // namespace bbg::cli
