#include "report/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"

namespace bbg::report {

AppendFile::AppendFile(std::string path, int64_t keep_bytes)
    : path_(std::move(path)),
      descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (!descriptor_) throw core::posix_error("open for writing", path_);
  cut(keep_bytes);
}

void AppendFile::append(std::string_view bytes) {
  BBG_CHECK(descriptor_, "written after close: " + path_);
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw core::posix_error("write", path_);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void AppendFile::cut(int64_t keep_bytes) {
  BBG_CHECK(descriptor_, "cut after close: " + path_);
  if (::ftruncate(descriptor_.get(), keep_bytes) != 0) throw core::posix_error("ftruncate", path_);
}

void AppendFile::close() {
  if (descriptor_ && descriptor_.close() != 0) throw core::posix_error("close", path_);
}

}  // namespace bbg::report
