#pragma once
// Start-up work that every rank does alone but that counts only if all succeed: afterwards either
// all ranks go on, or all leave with the same exit code and the lowest failing rank's message is
// printed once.

#include <functional>

#include "comm/communicator.h"

namespace bbg::run {

// The job ends; the message has been printed by the rank that owns it.
struct JobEnd {
  int exit_code;
};

// `work` must contain no collective. Throws JobEnd on every rank if any of them failed.
void run_on_all_ranks(comm::Communicator& communicator, const std::function<void()>& work);

}  // namespace bbg::run
