#include "data_prep/sources/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"

namespace bbg::data_prep {

FileBytes::FileBytes(std::string path)
    : path_(std::move(path)), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!file_) throw core::reading_error("open", path_);
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) throw core::reading_error("fstat", path_);
  size_ = status.st_size;
  modified_ns_ = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
}

void FileBytes::read_at(int64_t offset, std::span<uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(file_.get(), out.data(), out.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw core::reading_error("pread", path_);
    if (got == 0) {
      throw core::SystemError({.call = "pread",
                               .object = path_,
                               .cause = "the file has become shorter while it was read"});
    }
    offset += got;
    out = out.subspan(static_cast<size_t>(got));
  }
}

void FileBytes::will_read(int64_t offset, int64_t bytes) const {
  ::posix_fadvise(file_.get(), offset, bytes, POSIX_FADV_WILLNEED);
}

}  // namespace bbg::data_prep
