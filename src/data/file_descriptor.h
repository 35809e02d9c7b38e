#pragma once
// A file that is open for reading, with the few calls that shards need. Reading is thread-safe.

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "core/unique_handle.h"

namespace bbg::data {

class FileDescriptor {
 public:
  // Opens for reading. SystemError where that fails.
  explicit FileDescriptor(std::string path);

  int64_t size() const;  // bytes of the file
  // Equal for the same file with the same content: number, size, time of the last change.
  using Identity = std::array<int64_t, 4>;
  Identity identity() const;
  // Fills `out` from `offset`. UsageError where the file ends before, SystemError where reading
  // fails. False where all of it was in the system's memory already, and for a read of less than a
  // page; true also on a file system that does not tell.
  bool read_at(int64_t offset, std::span<uint8_t> out) const;
  // Asks the system to fetch these bytes, without waiting for them. No errors.
  void will_read(int64_t offset, int64_t bytes) const;
  void sync() const;  // content is on the device when it returns
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  core::Descriptor descriptor_;
};

}  // namespace bbg::data
