#pragma once
// The end of a job of several ranks because of one of them.

#include <exception>

#include "comm/communicator.h"

namespace bbg::comm {

// What the job ends with when one of several ranks fails alone: as core::exit_code_of, but 75 where
// nothing is known of the cause. The other ranks have come through the same work, so it may lie in
// this rank's machine, and a restart from the checkpoint can help.
int exit_code_of_rank(const std::exception& error);

// Prints this rank's failure with its number and its newest collective, and ends all ranks of the
// job, which may wait for it in the next.
[[noreturn]] void end_job(Communicator& communicator, const std::exception& error);

}  // namespace bbg::comm
