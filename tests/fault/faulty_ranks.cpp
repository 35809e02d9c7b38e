// Ranks that reduce in a loop, one of which misbehaves in round 5:
//   faulty_ranks skip|stop|kill|throw RANK DEADLINE_MS DUMP_FOLDER [cuda]
// For fault_test.cpp, and gpu_fault_test.cpp with NCCL; ends as bbg_dist would. A communicator is
// split off as in a run, and is destroyed while an error is on its way.

#include <signal.h>

#include <stdexcept>
#include <string>

#include "comm/end_job.h"
#include "comm/make_communicator.h"
#include "core/error.h"

int main(int argc, char** argv) {
  using namespace bbg;
  if (argc != 5 && argc != 6) return core::kExitUsage;
  const at::Device device(argc == 6 ? argv[5] : "cpu");
  const std::string fault = argv[1];
  const comm::MpiSession session;
  const comm::CommOptions options{.deadline_ms = std::stoi(argv[3]), .dump_folder = argv[4]};
  const auto control = comm::make_mpi_communicator(options);
  const auto data_plane = comm::make_data_plane(options, device, *control);
  const auto& ranks = data_plane ? data_plane : control;
  const bool is_faulty = ranks->rank() == std::stoi(argv[2]);
  try {
    const auto norms = ranks->split({.purpose = "norms"});
    for (int round = 0; round < 10; ++round) {
      at::Tensor large = at::ones({1000}, device), small = at::ones({3}, device);
      if (is_faulty && round == 5) {
        if (fault == "stop") ::raise(SIGSTOP);
        if (fault == "kill") ::raise(SIGKILL);
        if (fault == "throw") throw std::runtime_error("a test's fault");
      }
      if (!(is_faulty && round == 5 && fault == "skip")) {
        ranks->all_reduce(large, comm::Reduce::kSum);
      }
      ranks->broadcast(small, 0);
      // Without the word between hosts a GPU's result is what is waited for.
      if (device.is_cpu()) ranks->agree(true);
      if (small.sum().item<double>() != 3) return core::kExitFailure;
    }
  } catch (const std::exception& error) {
    comm::end_job(*ranks, error);
  }
  return core::kExitSuccess;
}
