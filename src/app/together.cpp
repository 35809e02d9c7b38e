#include "app/together.h"

#include <cstdio>

#include "core/error.h"

namespace bbg::app {

void together(comm::Communicator& communicator, const std::function<void()>& work) {
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
    throw Leave{std::stoi(failure)};
  }
}

}  // namespace bbg::app
