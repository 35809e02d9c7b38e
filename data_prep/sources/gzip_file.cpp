#include "data_prep/sources/gzip_file.h"

#include <algorithm>

#include "core/error.h"

namespace bbg::data_prep {

GzipFile::GzipFile(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
  if (file_ == nullptr) throw core::reading_error("open", path);
  gzbuffer(file_, 1 << 18);
}

size_t GzipFile::read(uint8_t* out, size_t count) {
  size_t done = 0;
  while (done < count) {
    const auto part = static_cast<unsigned>(std::min<size_t>(count - done, 1 << 30));
    const int got = gzread(file_, out + done, part);
    if (got < 0) fail();
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

bool GzipFile::is_truncated() const {
  int code = Z_OK;
  gzerror(file_, &code);
  return code == Z_BUF_ERROR;
}

void GzipFile::fail() const {
  int code = Z_OK;
  const std::string text = gzerror(file_, &code);
  if (code == Z_ERRNO) throw core::reading_error("read", path_);
  throw core::UsageError(path_ + " is a damaged gzip file: " + text, "fetch the file again");
}

}  // namespace bbg::data_prep
