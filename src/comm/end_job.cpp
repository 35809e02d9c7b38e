#include "comm/end_job.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/error.h"

namespace bbg::comm {

namespace {

int exit_code_of_rank(const std::exception& error) {
  const bool is_known = dynamic_cast<const core::SystemError*>(&error) != nullptr;
  const int code = core::exit_code_of(error);
  return code == core::kExitFailure && !is_known ? core::kExitRestart : code;
}

}  // namespace

void end_job(Communicator& communicator, const std::exception& error) {
  const std::string rank = "rank " + std::to_string(communicator.rank());
  const std::string newest = communicator.newest();
  std::string text = "error: " + rank + ": " + core::message_of(error) + "\n";
  if (!newest.empty()) {
    text += "  " + rank + " had come to " + newest +
            "; the others, which wait for it in the next collective, end with it\n";
  }
  // In one piece: a launcher may lose what comes later.
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
  communicator.abort(exit_code_of_rank(error));
  std::_Exit(core::kExitFailure);
}

}  // namespace bbg::comm
