#pragma once
// A file that grows by whole pieces which readers see at once; core::FileSystem's files start
// empty. SystemError when the disk fails.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/unique_handle.h"

namespace bbg::report {

class AppendFile {
 public:
  // Made if absent, else cut to its first `keep_bytes` bytes.
  AppendFile(std::string path, int64_t keep_bytes);

  void append(std::string_view bytes);
  void cut(int64_t keep_bytes);  // to the first so many bytes
  void close();                  // nothing may follow

 private:
  std::string path_;
  core::Descriptor descriptor_;
};

}  // namespace bbg::report
