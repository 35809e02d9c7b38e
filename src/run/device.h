#pragma once
// Which device and how many threads each rank computes with. Every rank tells what it finds where
// it runs (its seat); from the seats of all, each computes the places of all, so that no two ranks
// share a GPU or count on the same core, and all take the same kind of device.

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "comm/communicator.h"
#include "core/error.h"
#include "run/run_config.h"

namespace bbg::run {

struct Seat {
  std::string host;
  std::vector<int> cores;         // that the launcher lets this process run on, by number
  std::vector<std::string> gpus;  // identities of the visible ones, in CUDA's order
  // Their compute capabilities, as 75 of 7.5.
  std::vector<int> capabilities = {};
  bool has_gpu_driver = false;  // NVIDIA's, on the host, whatever this program sees of it
};

struct Place {
  at::Device device = at::kCPU;
  int threads = 1;  // that compute
  int cores = 1;    // the rank's share of those that it may run on
  // Threads of the host that a step keeps busy: on a GPU the one that feeds it.
  int busy() const { return device.is_cpu() ? threads : 1; }
};

// The seats of all ranks, in their order. A collective.
std::vector<Seat> gather_seats(comm::Communicator& control);

// The places of the same ranks. A GPU goes to the first rank of its host that sees it and has none
// yet, so the launcher may show every rank of a host all GPUs, or each its own. UsageError where
// compute.device = cuda and a rank has none left. `auto` takes GPUs where there is one for every
// rank, else the CPU. Threads are compute.threads, or a rank's share of its cores: a core that
// several ranks of a host may run on is divided among them; at least 1.
std::vector<Place> choose_places(const ComputeOptions& options, const std::vector<Seat>& seats);

// UsageError where a rank's GPU cannot compute in `precision` (train.precision).
void check_precision(train::Precision precision, const std::vector<Seat>& seats,
                     const std::vector<Place>& places);

// A warning where compute.device = auto took the CPU on a host that has GPUs; else empty.
std::string unused_gpus(const ComputeOptions& options, const std::vector<Seat>& seats,
                        const std::vector<Place>& places);

// All memory of a GPU; 0: the device is none.
int64_t gpu_memory_bytes(at::Device device);

// The error to show where libtorch found no more memory on the GPU.
core::UsageError out_of_gpu_memory(const c10::OutOfMemoryError& error);

// Who runs where, in one line.
std::string placement_text(const std::vector<Seat>& seats, const std::vector<Place>& places);

// The process computes at this place from here on: its number of threads, how GPU libraries choose
// their arithmetic and, on a GPU, the device and a stream of it for the calling thread. Says what
// tensors have there.
at::TensorOptions settle(const ComputeOptions& options, const Place& place);

// For programs of one kind of work: chooses the places and settles at this rank's. A collective.
at::TensorOptions take_place(const ComputeOptions& options, comm::Communicator& control);

}  // namespace bbg::run
