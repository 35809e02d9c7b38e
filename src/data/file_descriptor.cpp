#include "data/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"

namespace bbg::data {

namespace {

// To ask for what is in memory costs 50 ns, which a number's read would feel.
constexpr int64_t kLeastTold = 4096;

}  // namespace

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

bool FileDescriptor::read_at(int64_t offset, std::span<uint8_t> out) const {
  bool has_waited = false;
  while (!out.empty()) {
    ssize_t got = -1;
    if (std::ssize(out) >= kLeastTold) {
      const iovec place{out.data(), out.size()};
      got = ::preadv2(descriptor_.get(), &place, 1, offset, RWF_NOWAIT);
      has_waited |= got < std::ssize(out);
    }
    if (got < 0) got = ::pread(descriptor_.get(), out.data(), out.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw core::reading_error("pread", path_);
    if (got == 0) {
      throw core::UsageError(path_ + " is truncated: it ends before byte " + std::to_string(offset),
                             "copy the file again or make the shards anew with data_prep shard");
    }
    offset += got;
    out = out.subspan(static_cast<size_t>(got));
  }
  return has_waited;
}

void FileDescriptor::will_read(int64_t offset, int64_t bytes) const {
  ::posix_fadvise(descriptor_.get(), offset, bytes, POSIX_FADV_WILLNEED);
}

void FileDescriptor::sync() const {
  if (::fsync(descriptor_.get()) != 0) throw core::posix_error("fsync", path_);
}

}  // namespace bbg::data
