#include "data_prep/sources/read_image_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/error.h"
#include "core/unique_handle.h"

namespace bbg::data_prep {

namespace {

// The faults of one file. All others are the disk's, and would repeat with the next file.
[[noreturn]] void fail_to_open(const std::string& path) {
  constexpr std::array kOwn = {EACCES, EPERM, ENOENT, ENOTDIR, ELOOP, EISDIR, ENXIO};
  const int code = errno;
  if (std::find(kOwn.begin(), kOwn.end(), code) == kOwn.end()) {
    throw core::reading_error("open", path);
  }
  throw core::UsageError("cannot read " + path + ": " + core::text_of_errno(code),
                         "check its permissions, or leave such files out with --max-bad");
}

}  // namespace

void read_image_file(const std::string& path, std::vector<uint8_t>& out) {
  const core::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) fail_to_open(path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw core::reading_error("fstat", path);
  // Some file systems know no size before they are read.
  constexpr size_t kUnknown = 1 << 16;
  const auto expected = static_cast<size_t>(status.st_size);
  out.resize(expected > 0 ? expected : kUnknown);
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::read(file.get(), out.data() + done, out.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw core::reading_error("read", path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
    if (expected == 0 && done == out.size()) out.resize(2 * done);
  }
  out.resize(done);
}

void will_read_image_file(const std::string& path) {
  const core::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file) ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_WILLNEED);
}

}  // namespace bbg::data_prep
