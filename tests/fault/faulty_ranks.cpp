// Ranks that reduce in a loop, one of which misbehaves in round 5:
//   faulty_ranks skip|stop|kill|throw RANK DEADLINE_MS DUMP_FOLDER
// For fault_test.cpp; ends as bbg_dist would.

#include <signal.h>

#include <stdexcept>
#include <string>

#include "comm/end_job.h"
#include "comm/make_communicator.h"
#include "core/error.h"

int main(int argc, char** argv) {
  using namespace bbg;
  if (argc != 5) return core::kExitUsage;
  const std::string fault = argv[1];
  const comm::MpiSession session;
  const auto ranks =
      comm::make_mpi_communicator({.deadline_ms = std::stoi(argv[3]), .dump_folder = argv[4]});
  const bool is_faulty = ranks->rank() == std::stoi(argv[2]);
  try {
    for (int round = 0; round < 10; ++round) {
      at::Tensor large = at::ones({1000}), small = at::ones({3});
      if (is_faulty && round == 5) {
        if (fault == "stop") ::raise(SIGSTOP);
        if (fault == "kill") ::raise(SIGKILL);
        if (fault == "throw") throw std::runtime_error("a test's fault");
      }
      if (!(is_faulty && round == 5 && fault == "skip")) {
        ranks->all_reduce(large, comm::Reduce::kSum);
      }
      ranks->broadcast(small, 0);
      ranks->agree(true);
    }
  } catch (const std::exception& error) {
    comm::end_job(*ranks, error);
  }
  return core::kExitSuccess;
}
