#pragma once
// A folder of its own for a test, removed with everything in it at the end; in BBG_TEST_FOLDER, if
// that is set, else where the system has temporary files.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/file_system.h"

namespace bbg::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    const char* parent = std::getenv("BBG_TEST_FOLDER");
    if (parent != nullptr) std::filesystem::create_directories(parent);
    const std::filesystem::path above =
        parent != nullptr ? parent : std::filesystem::temp_directory_path();
    std::string pattern = (above / "bbg_test_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + pattern);
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Empty where there is none.
inline std::string read_file(const std::string& path) { return core::try_read(path).value_or(""); }

// Makes the folders above it.
inline void write_file(const std::string& path, const std::string& content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace bbg::test
