#pragma once
// The files of a data set, of which a bounded number are open at a time. One that was closed is
// opened again when it is read, and refused if it is not the same by then. Reading is thread-safe.

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "data/file_descriptor.h"

namespace bbg::data {

class OpenFiles {
 public:
  explicit OpenFiles(int64_t most_open);

  // Returns its number, counted from 0. One thread, before reading.
  size_t add(FileDescriptor file);
  // As FileDescriptor's; UsageError also where the file was changed or replaced since add().
  void read_at(size_t file, int64_t offset, std::span<uint8_t> out) const;

 private:
  struct File {
    std::string path;
    FileDescriptor::Identity identity;
    std::shared_ptr<const FileDescriptor> open;  // shared with the reads that are under way
    int64_t last_use = 0;
  };
  std::shared_ptr<const FileDescriptor> get(size_t file) const;
  std::shared_ptr<const FileDescriptor> keep(size_t file, FileDescriptor descriptor) const;
  FileDescriptor reopen(const std::string& path, const FileDescriptor::Identity& identity) const;
  bool close_one() const;

  const int64_t most_open_;
  mutable std::mutex mutex_;  // guards all below
  mutable std::vector<File> files_;
  mutable int64_t num_open_ = 0, uses_ = 0;
};

}  // namespace bbg::data
