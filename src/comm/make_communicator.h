#pragma once
// Chooses and builds the communicators of a run. Exactly one MpiSession lives in main, before and
// after everything else that communicates; what it hands out must be destroyed before it.

#include <memory>
#include <string>

#include "comm/communicator.h"
#include "core/options.h"

namespace bbg::comm {

enum class Backend { kAuto, kMpi, kNccl };

struct CommOptions {
  Backend backend = Backend::kAuto;
  int64_t deadline_ms = 600'000;
  std::string dump_folder;  // for watchdog.h; no key of its own: bbg_dist takes the run folder

  void declare(core::OptionTable& table);
};

// MPI from initialisation to finalisation. Only the constructing thread communicates, and one more
// for each communicator that is split off for use beside it (communicator.h). UsageError where MPI
// cannot start here, or would start every process of a launcher as a run of its own.
class MpiSession {
 public:
  MpiSession();
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
};

// The control plane, and the data plane on CPU: all ranks of MPI_COMM_WORLD, on a duplicate of it.
std::unique_ptr<Communicator> make_mpi_communicator(const CommOptions& options);

// The data plane for `device`: nullptr where the control plane itself serves (CPU). NCCL for CUDA;
// `control` spreads the unique id and must outlive the result. UsageError where backend and device
// do not fit or CUDA was not compiled in.
std::unique_ptr<Communicator> make_data_plane(const CommOptions& options, const at::Device& device,
                                              Communicator& control);

// "2.28.9" of the library that is loaded, or "" without CUDA. Throws SystemError if it is not the
// one compiled against.
std::string nccl_version();

}  // namespace bbg::comm
