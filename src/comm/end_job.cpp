#include "comm/end_job.h"

#include <cstdio>
#include <cstdlib>

#include "core/error.h"

namespace bbg::comm {

int exit_code_of_rank(const std::exception& error) {
  const bool is_known = dynamic_cast<const core::SystemError*>(&error) != nullptr;
  const int code = core::exit_code_of(error);
  return code == core::kExitFailure && !is_known ? core::kExitRestart : code;
}

void end_job(Communicator& communicator, const std::exception& error) {
  const std::string newest = communicator.newest();
  std::fprintf(stderr, "error: rank %d: %s\n", communicator.rank(),
               core::message_of(error).c_str());
  if (!newest.empty()) {
    std::fprintf(stderr,
                 "  rank %d had come to %s; the others, which wait for it in the next collective, "
                 "end with it\n",
                 communicator.rank(), newest.c_str());
  }
  std::fflush(stderr);
  communicator.abort(exit_code_of_rank(error));
  std::_Exit(core::kExitFailure);
}

}  // namespace bbg::comm
