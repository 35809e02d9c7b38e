#include "run/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/cores.h"
#include "core/cuda_error.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/host_name.h"

#ifdef BBG_CUDA
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#endif

namespace bbg::run {

namespace {

// NVIDIA's, whether or not this program can use it.
bool has_gpu_driver() {
  return ::access("/proc/driver/nvidia", F_OK) == 0 || ::access("/dev/nvidiactl", F_OK) == 0;
}

#ifdef BBG_CUDA
cudaDeviceProp properties_of(int gpu) {
  cudaDeviceProp properties;
  const cudaError_t code = cudaGetDeviceProperties(&properties, gpu);
  if (code != cudaSuccess) {
    throw core::cuda_error(code, "cudaGetDeviceProperties", "GPU " + std::to_string(gpu),
                           cudaGetErrorString(code));
  }
  return properties;
}
#endif

// By identity, for two ranks may both call different GPUs "0".
void find_visible_gpus([[maybe_unused]] Seat& seat) {
#ifdef BBG_CUDA
  // hasCUDA() asks the driver; on a machine without one it is false, whatever was compiled in.
  const int count = at::hasCUDA() ? static_cast<int>(at::getNumGPUs()) : 0;
  for (int i = 0; i < count; ++i) {
    const cudaDeviceProp properties = properties_of(i);
    uint64_t halves[2];
    static_assert(sizeof halves == sizeof properties.uuid.bytes);
    std::memcpy(halves, properties.uuid.bytes, sizeof halves);
    seat.gpus.push_back(core::hex(halves[0]) + core::hex(halves[1]));
    seat.capabilities.push_back(10 * properties.major + properties.minor);
  }
#endif
}

// Index of each rank's GPU among those that it sees; -1: none is left for it.
std::vector<int> share_gpus(const std::vector<Seat>& seats) {
  std::set<std::pair<std::string, std::string>> taken;
  std::vector<int> own;
  for (const Seat& seat : seats) {
    own.push_back(-1);
    for (size_t i = 0; i < seat.gpus.size() && own.back() < 0; ++i) {
      if (taken.emplace(seat.host, seat.gpus[i]).second) own.back() = static_cast<int>(i);
    }
  }
  return own;
}

// A rank that sees one GPU alone keeps NCCL from using NVLink between GPUs of a host.
constexpr const char* kOneRankAGpu =
    "start as many ranks a host as it has GPUs, each of which sees all of them (under Slurm: "
    "--ntasks-per-node=N --gpus-per-node=N --gpu-bind=none)";

[[noreturn]] void refuse_too_few_gpus(const std::vector<Seat>& seats, const std::string& host) {
  std::set<std::string> gpus;
  int ranks = 0;
  for (const Seat& seat : seats) {
    if (seat.host != host) continue;
    ++ranks;
    gpus.insert(seat.gpus.begin(), seat.gpus.end());
  }
  throw core::UsageError("compute.device = cuda, but host " + host + " has " +
                             std::to_string(gpus.size()) + " visible GPU(s) for " +
                             std::to_string(ranks) + " rank(s)",
                         std::string(kOneRankAGpu) + ", or set compute.device = cpu");
}

std::string ranks_text(const std::vector<int>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < ranks.size();) {
    size_t last = i;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) ++last;
    text += (i == 0 ? "" : ",") + std::to_string(ranks[i]);
    if (last > i) text += "-" + std::to_string(ranks[last]);
    i = last + 1;
  }
  return text;
}

std::string counted(size_t number, const std::string& word) {
  return std::to_string(number) + " " + word + (number == 1 ? "" : "s");
}

}  // namespace

std::vector<Seat> gather_seats(comm::Communicator& control) {
  Seat own{.host = core::host_name(), .cores = core::own_cores(), .gpus = {}};
  find_visible_gpus(own);
  own.has_gpu_driver = has_gpu_driver();
  const nlohmann::json told = {{"host", own.host},
                               {"cores", own.cores},
                               {"gpus", own.gpus},
                               {"capabilities", own.capabilities},
                               {"driver", own.has_gpu_driver}};
  std::vector<Seat> seats;
  for (const std::string& text : control.all_gather_text(told.dump())) {
    const auto seat = nlohmann::json::parse(text);
    seats.push_back({.host = seat.at("host"),
                     .cores = seat.at("cores"),
                     .gpus = seat.at("gpus"),
                     .capabilities = seat.at("capabilities"),
                     .has_gpu_driver = seat.at("driver")});
  }
  return seats;
}

std::vector<Place> choose_places(const ComputeOptions& options, const std::vector<Seat>& seats) {
  std::vector<Place> places(seats.size());
  if (options.device != Device::kCpu) {
    const std::vector<int> gpus = share_gpus(seats);
    const auto without = std::find(gpus.begin(), gpus.end(), -1);
    if (without == gpus.end()) {
      for (size_t i = 0; i < places.size(); ++i) {
        places[i].device = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(gpus[i]));
      }
    } else if (options.device == Device::kCuda) {
      refuse_too_few_gpus(seats, seats[static_cast<size_t>(without - gpus.begin())].host);
    }
  }
  std::map<std::pair<std::string, int>, int> sharing;  // host and core: ranks that may run there
  for (const Seat& seat : seats) {
    for (const int core : seat.cores) ++sharing[{seat.host, core}];
  }
  for (size_t i = 0; i < places.size(); ++i) {
    double share = 0;
    for (const int core : seats[i].cores) share += 1.0 / sharing[{seats[i].host, core}];
    // Sums of thirds may end just below the whole number.
    places[i].cores = std::max(1, static_cast<int>(share + 1e-6));
    places[i].threads = options.threads > 0 ? static_cast<int>(options.threads) : places[i].cores;
  }
  return places;
}

void check_precision(train::Precision precision, const std::vector<Seat>& seats,
                     const std::vector<Place>& places) {
  if (precision != train::Precision::kBfloat16) return;
  for (size_t i = 0; i < places.size(); ++i) {
    if (!places[i].device.is_cuda()) continue;
    const int capability = seats[i].capabilities.at(static_cast<size_t>(places[i].device.index()));
    if (capability >= 80) continue;  // older ones have no instructions for it
    throw core::UsageError(
        "train.precision = bfloat16 needs GPUs of compute capability 8.0 or more (Ampere); that of "
        "rank " +
            std::to_string(i) + " on host " + seats[i].host + " has " +
            std::to_string(capability / 10) + "." + std::to_string(capability % 10),
        "set train.precision = full");
  }
}

std::string unused_gpus(const ComputeOptions& options, const std::vector<Seat>& seats,
                        const std::vector<Place>& places) {
  if (options.device != Device::kAuto || places.at(0).device.is_cuda()) return "";
  const auto has_gpu = [](const Seat& seat) { return seat.has_gpu_driver || !seat.gpus.empty(); };
  const auto found = std::find_if(seats.begin(), seats.end(), has_gpu);
  if (found == seats.end()) return "";
  std::string text = "compute.device = auto takes the CPU, although host " + found->host;
  if (found->gpus.empty()) {
    text += " has NVIDIA's driver: no GPU is visible to this program, or it was built without CUDA";
  } else {
    text += " has GPUs: there is not one for each of the " + counted(seats.size(), "rank") + "; " +
            kOneRankAGpu;
  }
  return text + ". compute.device = cpu says that it is meant";
}

int64_t gpu_memory_bytes([[maybe_unused]] at::Device device) {
#ifdef BBG_CUDA
  if (device.is_cuda()) {
    return static_cast<int64_t>(properties_of(device.index()).totalGlobalMem);
  }
#endif
  return 0;
}

core::UsageError out_of_gpu_memory(const c10::OutOfMemoryError& error) {
  // Behind the amount follow libtorch's own remedies, which are for Python.
  const std::string text = core::message_of(error);
  return core::UsageError(
      text.substr(0, text.find(". GPU")),
      "work through each rank's batch in portions (train.accumulate = 2 or more), start more "
      "ranks, or set a smaller data.batch; bbg_dist plan says what the networks alone take");
}

std::string placement_text(const std::vector<Seat>& seats, const std::vector<Place>& places) {
  std::vector<std::string> hosts;  // in the order of their first ranks
  std::map<std::string, std::vector<int>> ranks;
  for (size_t i = 0; i < seats.size(); ++i) {
    if (ranks[seats[i].host].empty()) hosts.push_back(seats[i].host);
    ranks[seats[i].host].push_back(static_cast<int>(i));
  }
  bool is_uniform_in_threads = true;
  for (const Place& place : places) is_uniform_in_threads &= place.threads == places[0].threads;

  std::string text = counted(seats.size(), "rank") + " on " + counted(hosts.size(), "host");
  if (is_uniform_in_threads)
    text += ", " + counted(static_cast<size_t>(places[0].threads), "thread") + " a rank";
  constexpr size_t kNamed = 16;
  for (size_t h = 0; h < std::min(hosts.size(), kNamed); ++h) {
    text += (h == 0 ? ": " : "; ") + hosts[h] + " " + ranks_text(ranks[hosts[h]]) + " on";
    std::string devices, threads;
    for (const int rank : ranks[hosts[h]]) {
      const Place& place = places[static_cast<size_t>(rank)];
      if (place.device.is_cuda() || devices.empty()) devices += " " + place.device.str();
      threads += (threads.empty() ? "" : ",") + std::to_string(place.threads);
    }
    text += devices;
    if (!is_uniform_in_threads) text += ", threads " + threads;
  }
  if (hosts.size() > kNamed) text += "; and " + counted(hosts.size() - kNamed, "host") + " more";
  return text;
}

at::TensorOptions take_place(const ComputeOptions& options, comm::Communicator& control) {
  const Place place =
      choose_places(options, gather_seats(control))[static_cast<size_t>(control.rank())];
  return settle(options, place);
}

at::TensorOptions settle(const ComputeOptions& options, const Place& place) {
  at::set_num_threads(place.threads);
  at::globalContext().setAllowTF32CuBLAS(options.tf32);
  at::globalContext().setAllowTF32CuDNN(options.tf32);
  at::globalContext().setDeterministicCuDNN(true);  // a repeated run gives equal bits
#ifdef BBG_CUDA
  if (place.device.is_cuda()) {
    // CUDA graphs cannot be recorded on the default stream, and all work is on one.
    c10::cuda::set_device(place.device.index());
    c10::cuda::setCurrentCUDAStream(
        c10::cuda::getStreamFromPool(/*isHighPriority=*/false, place.device.index()));
  }
#endif
  return at::TensorOptions(place.device)
      .dtype(options.dtype == Dtype::kFloat64 ? at::kDouble : at::kFloat);
}

}  // namespace bbg::run
