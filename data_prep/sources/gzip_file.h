#pragma once
// A file that is read from its beginning, plain or gzip: zlib tells. One thread at a time.

#include <zlib.h>

#include <cstdint>
#include <string>

namespace bbg::data_prep {

class GzipFile {
 public:
  explicit GzipFile(const std::string& path);  // SystemError where it cannot be opened
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;
  ~GzipFile() { gzclose(file_); }

  // Returns fewer bytes than asked for at the end of the file. UsageError for damaged gzip.
  size_t read(uint8_t* out, size_t count);
  // A gzip file that breaks off reads as a short one; only this tells.
  bool is_truncated() const;

 private:
  [[noreturn]] void fail() const;

  std::string path_;
  gzFile file_;
};

}  // namespace bbg::data_prep
