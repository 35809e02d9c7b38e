#include "core/standard_output.h"

#include <cerrno>
#include <cstdio>

#include "core/error.h"

namespace bbg::core {

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    throw posix_error("write", "standard output");
  }
}

void flush_standard_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  if (errno == 0) errno = EIO;  // an earlier write failed, and its cause is forgotten
  throw posix_error("write", "standard output");
}

}  // namespace bbg::core
