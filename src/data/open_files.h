#pragma once
// The files of a data set, of which a bounded number are open at a time. One that was closed is
// opened again when it is read, and refused if it is not the same by then. Reading is thread-safe.

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/file_descriptor.h"

namespace bbg::data {

class OpenFiles {
 public:
  explicit OpenFiles(int64_t most_open);

  // Returns its number, counted from 0. One thread, before reading. A path alone is opened when it
  // is first read.
  size_t add(FileDescriptor file);
  size_t add(std::string path);
  // As FileDescriptor's; UsageError also where the file was changed or replaced since it was first
  // opened.
  void read_at(size_t file, int64_t offset, std::span<uint8_t> out) const;

  // Whether a read has waited for a disk, and fewer than some thousand calls of will_read() have
  // come since.
  bool has_waited() const { return hints_ > 0; }
  // As FileDescriptor's. What goes wrong in opening the file is thrown.
  void will_read(size_t file, int64_t offset, int64_t bytes) const;

  // Calls `open`, which opens a file elsewhere, and again with one file less where the system
  // allows no more.
  template <class Open>
  auto with_room(const Open& open) const {
    for (;;) {
      try {
        return open();
      } catch (const core::SystemError& error) {
        const std::lock_guard lock(mutex_);
        if (error.details().code != EMFILE || !close_one()) throw;
      }
    }
  }

 private:
  struct File {
    std::string path;
    std::optional<FileDescriptor::Identity> identity;  // none: never opened
    std::shared_ptr<const FileDescriptor> open;        // shared with the reads that are under way
    int64_t last_use = 0;
  };
  std::shared_ptr<const FileDescriptor> get(size_t file) const;
  std::shared_ptr<const FileDescriptor> keep(size_t file, FileDescriptor descriptor) const;
  FileDescriptor open_again(const std::string& path,
                            const std::optional<FileDescriptor::Identity>& identity) const;
  bool close_one() const;
  void forget(size_t file, const FileDescriptor& descriptor) const;

  const int64_t most_open_;
  mutable std::atomic<int64_t> hints_ = 0;  // calls of will_read() that are still worth it
  mutable std::mutex mutex_;                // guards all below
  mutable std::vector<File> files_;
  mutable int64_t num_open_ = 0, uses_ = 0;
};

}  // namespace bbg::data
