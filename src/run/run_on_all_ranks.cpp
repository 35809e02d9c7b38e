#include "run/run_on_all_ranks.h"

#include <cstdio>

#include "core/error.h"

namespace bbg::run {

void run_on_all_ranks(comm::Communicator& communicator, const std::function<void()>& work) {
  std::string own;  // exit code, a space, the message; empty: success
  try {
    work();
  } catch (const std::exception& error) {
    own = std::to_string(core::exit_code_of(error)) + " " + core::message_of(error);
  }
  const std::vector<std::string> all = communicator.all_gather_text(own);
  for (const std::string& failure : all) {
    if (failure.empty()) continue;
    if (communicator.rank() == 0) {
      std::fprintf(stderr, "error: %s\n", failure.substr(failure.find(' ') + 1).c_str());
    }
    throw JobEnd{std::stoi(failure)};
  }
}

}  // namespace bbg::run
