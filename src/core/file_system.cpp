#include "core/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "core/error.h"

namespace bbg::core {

namespace {

namespace fs = std::filesystem;

class PosixFile final : public WritableFile {
 public:
  explicit PosixFile(std::string path) : path_(std::move(path)) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor_ < 0) throw posix_error("open for writing", path_);
  }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  void append(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw posix_error("write", path_);
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
  }

  void sync() override {
    if (::fsync(descriptor_) != 0) throw posix_error("fsync", path_);
  }

  void close() override {
    const int result = ::close(std::exchange(descriptor_, -1));
    if (result != 0) throw posix_error("close", path_);
  }

 private:
  std::string path_;
  int descriptor_ = -1;
};

class PosixFileSystem final : public FileSystem {
 public:
  std::unique_ptr<WritableFile> create(const std::string& path) override {
    return std::make_unique<PosixFile>(path);
  }

  std::string read(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) throw reading_error("open", path);
    std::string content;
    struct stat status {};
    if (::fstat(descriptor, &status) == 0) content.resize(static_cast<size_t>(status.st_size));
    size_t done = 0;
    // The end shows only in a read beyond what the size promises. A string that grew for that would
    // take twice the memory, which a large checkpoint may not find.
    std::array<char, 4096> beyond;
    for (;;) {
      const bool is_full = done == content.size();
      const ssize_t count = is_full
                                ? ::read(descriptor, beyond.data(), beyond.size())
                                : ::read(descriptor, content.data() + done, content.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        const SystemError error = reading_error("read", path);
        ::close(descriptor);
        throw error;
      }
      if (count == 0) break;
      if (is_full) content.append(beyond.data(), static_cast<size_t>(count));
      done += static_cast<size_t>(count);
    }
    ::close(descriptor);
    content.resize(done);
    return content;
  }

  bool exists(const std::string& path) override {
    if (::access(path.c_str(), F_OK) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw reading_error("access", path);
  }

  std::vector<std::string> list(const std::string& folder) override {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    if (error && error != std::errc::no_such_file_or_directory) fail("list", folder, error);
    std::sort(names.begin(), names.end());
    return names;
  }

  void create_folders(const std::string& path) override {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) fail("mkdir", path, error);
  }

  void rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) throw posix_error("rename", from + " to " + to);
  }

  void remove_all(const std::string& path) override {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) fail("remove", path, error);
  }

  void sync_folder(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) throw posix_error("open folder", path);
    const int result = ::fsync(descriptor);
    // Some network file systems cannot sync a folder and say EINVAL; their renames are synchronous.
    const bool failed = result != 0 && errno != EINVAL;
    const SystemError error = posix_error("fsync folder", path);
    ::close(descriptor);
    if (failed) throw error;
  }

 private:
  [[noreturn]] static void fail(const std::string& call, const std::string& path,
                                const std::error_code& error) {
    errno = error.value();
    throw call == "list" ? reading_error(call, path) : posix_error(call, path);
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_posix_file_system() { return std::make_unique<PosixFileSystem>(); }

void write_atomically(FileSystem& files, const std::string& path, const std::string& content) {
  const std::string aside = path + ".partial";
  const auto file = files.create(aside);
  file->append(std::as_bytes(std::span(content)));
  file->sync();
  file->close();
  files.rename(aside, path);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  files.sync_folder(folder.empty() ? "." : folder);
}

}  // namespace bbg::core
