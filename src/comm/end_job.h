#pragma once
// The end of a job of several ranks because of one of them.

#include <exception>

#include "comm/communicator.h"

namespace bbg::comm {

// Prints this rank's failure with its number and its newest collective, and ends all ranks of the
// job, which may wait for it in the next. The exit code is core::exit_code_of's, but 75 where
// nothing is known of the cause: the other ranks have come through the same work, so it may lie in
// this rank's machine, and a restart from the checkpoint can help.
[[noreturn]] void end_job(Communicator& communicator, const std::exception& error);

}  // namespace bbg::comm
