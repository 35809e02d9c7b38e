#pragma once
// Memory that processes of one host share. It has no name in any file system: it is gone when the
// last process that has it ends, however that ends. Any thread.

#include <cstdint>
#include <span>
#include <string>

#include "core/unique_handle.h"

namespace bbg::data {

class SharedMemory {
 public:
  // Zeros. Pages are taken from the system when they are first written.
  static SharedMemory create(int64_t bytes);
  // The memory of another process of this host and user, which lives; `address` is what it says.
  static SharedMemory open(const std::string& address);

  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&&) = delete;
  ~SharedMemory();

  std::string address() const;
  std::span<uint8_t> bytes() const { return bytes_; }

 private:
  explicit SharedMemory(core::Descriptor descriptor);
  core::Descriptor descriptor_;
  std::span<uint8_t> bytes_;
};

// Bytes that this process may still take: what the host has free, within the limit of its control
// group (a Slurm job's, a container's).
int64_t available_memory();

}  // namespace bbg::data
