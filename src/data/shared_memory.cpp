#include "data/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <utility>

#include "core/error.h"

namespace bbg::data {

namespace {

constexpr const char* kWhat = "memory of a host's ranks";
constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// The number in a file that holds one; kNoLimit where it holds a word, or where there is none.
int64_t number_in(const std::string& path) {
  std::ifstream file(path);
  int64_t number = 0;
  return file >> number ? number : kNoLimit;
}

int64_t free_on_host() {
  std::ifstream file("/proc/meminfo");
  std::string word;
  while (file >> word) {
    int64_t kibibytes = 0;
    if (word == "MemAvailable:" && file >> kibibytes) return kibibytes << 10;
  }
  return kNoLimit;
}

// Control groups of version 2 have these files.
int64_t free_in_group() {
  std::ifstream file("/proc/self/cgroup");
  int64_t least = kNoLimit;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("0::")) continue;
    for (std::string group = line.substr(3);; group.resize(group.rfind('/'))) {
      const std::string folder = "/sys/fs/cgroup" + group;
      const int64_t limit = number_in(folder + "/memory.max");
      if (limit != kNoLimit) {
        least = std::min(least, limit - std::min(limit, number_in(folder + "/memory.current")));
      }
      if (group.empty() || group.find('/') == std::string::npos) break;
    }
  }
  return least;
}

}  // namespace

SharedMemory SharedMemory::create(int64_t bytes) {
  core::Descriptor descriptor(::memfd_create("bbg_dist samples", MFD_CLOEXEC));
  if (!descriptor) throw core::posix_error("memfd_create", kWhat);
  if (::ftruncate(descriptor.get(), bytes) != 0) throw core::posix_error("ftruncate", kWhat);
  return SharedMemory(std::move(descriptor));
}

SharedMemory SharedMemory::open(const std::string& address) {
  core::Descriptor descriptor(::open(address.c_str(), O_RDWR | O_CLOEXEC));
  if (!descriptor) throw core::posix_error("open", address);
  return SharedMemory(std::move(descriptor));
}

SharedMemory::SharedMemory(core::Descriptor descriptor) : descriptor_(std::move(descriptor)) {
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) throw core::posix_error("fstat", kWhat);
  const auto length = static_cast<size_t>(status.st_size);
  void* start = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_.get(), 0);
  if (start == MAP_FAILED) throw core::posix_error("mmap", kWhat);
  bytes_ = {static_cast<uint8_t*>(start), length};
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : descriptor_(std::move(other.descriptor_)), bytes_(std::exchange(other.bytes_, {})) {}

SharedMemory::~SharedMemory() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

std::string SharedMemory::address() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(descriptor_.get());
}

int64_t available_memory() { return std::min(free_on_host(), free_in_group()); }

}  // namespace bbg::data
