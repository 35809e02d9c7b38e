#pragma once
// The seam to the disk: everything that must survive a crash goes through this interface, so that
// tests can stop the world after any write. Throws SystemError with path and cause. Thread-safe as
// far as the operating system is.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bbg::core {

class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes without sync; errors are then lost, so call close()
  virtual void append(std::span<const std::byte> bytes) = 0;
  virtual void sync() = 0;  // content is on the device when it returns
  virtual void close() = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual std::unique_ptr<WritableFile> create(const std::string& path) = 0;  // truncates
  virtual std::string read(const std::string& path) = 0;                      // the whole file
  virtual bool exists(const std::string& path) = 0;  // SystemError where that cannot be told
  virtual std::vector<std::string> list(
      const std::string& folder) = 0;  // names, sorted; empty if absent
  virtual void create_folders(const std::string& path) = 0;
  virtual void rename(const std::string& from,
                      const std::string& to) = 0;  // atomic within a file system
  virtual void remove_all(const std::string& path) = 0;
  virtual void sync_folder(
      const std::string& path) = 0;  // makes renames and creations in it durable
};

std::unique_ptr<FileSystem> make_posix_file_system();

// The whole file; nothing where it is absent or cannot be read, as one that another process removes
// or replaces at this moment. No errors. (Iterators over a std::ifstream throw where a read fails.)
std::optional<std::string> try_read(const std::string& path);

// Gives what was written, and synced, at partial_path(path) its name; durable when it returns.
void publish(FileSystem& files, const std::string& path);

// Writes aside, syncs, renames: after it the path holds either the old content or the whole new
// one.
void write_atomically(FileSystem& files, const std::string& path, const std::string& content);

}  // namespace bbg::core
