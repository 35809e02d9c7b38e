#include "data/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"

namespace bbg::data {

FileDescriptor::FileDescriptor(std::string path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!descriptor_) throw core::reading_error("open", path_);
}

int64_t FileDescriptor::size() const {
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) throw core::reading_error("fstat", path_);
  return status.st_size;
}

FileDescriptor::Identity FileDescriptor::identity() const {
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) throw core::reading_error("fstat", path_);
  return {static_cast<int64_t>(status.st_ino), status.st_size, status.st_mtim.tv_sec,
          status.st_mtim.tv_nsec};
}

void FileDescriptor::read_at(int64_t offset, std::span<uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(descriptor_.get(), out.data(), out.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw core::reading_error("pread", path_);
    if (got == 0) {
      throw core::UsageError(path_ + " is truncated: it ends before byte " + std::to_string(offset),
                             "copy the file again or make the shards anew with data_prep shard");
    }
    offset += got;
    out = out.subspan(static_cast<size_t>(got));
  }
}

void FileDescriptor::sync() const {
  if (::fsync(descriptor_.get()) != 0) throw core::posix_error("fsync", path_);
}

}  // namespace bbg::data
