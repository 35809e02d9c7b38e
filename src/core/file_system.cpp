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
#include "core/paths.h"
#include "core/unique_handle.h"

namespace bbg::core {

namespace {

namespace fs = std::filesystem;

class PosixFile final : public WritableFile {
 public:
  explicit PosixFile(std::string path)
      : path_(std::move(path)),
        descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (!descriptor_) throw posix_error("open for writing", path_);
  }

  void append(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw posix_error("write", path_);
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
  }

  void sync() override {
    if (::fsync(descriptor_.get()) != 0) throw posix_error("fsync", path_);
  }

  void close() override {
    if (descriptor_.close() != 0) throw posix_error("close", path_);
  }

 private:
  std::string path_;
  Descriptor descriptor_;
};

class PosixFileSystem final : public FileSystem {
 public:
  std::unique_ptr<WritableFile> create(const std::string& path) override {
    return std::make_unique<PosixFile>(path);
  }

  std::string read(const std::string& path) override {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) throw reading_error("open", path);
    std::string content;
    struct stat status {};
    if (::fstat(file.get(), &status) == 0) content.resize(static_cast<size_t>(status.st_size));
    size_t done = 0;
    // The end shows only in a read beyond what the size promises. A string that grew for that would
    // take twice the memory, which a large checkpoint may not find.
    std::array<char, 4096> beyond;
    for (;;) {
      const bool is_full = done == content.size();
      const ssize_t count = is_full
                                ? ::read(file.get(), beyond.data(), beyond.size())
                                : ::read(file.get(), content.data() + done, content.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw reading_error("read", path);
      if (count == 0) break;
      if (is_full) content.append(beyond.data(), static_cast<size_t>(count));
      done += static_cast<size_t>(count);
    }
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
    const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) throw posix_error("open folder", path);
    // Some network file systems cannot sync a folder and say EINVAL; their renames are synchronous.
    if (::fsync(folder.get()) != 0 && errno != EINVAL) throw posix_error("fsync folder", path);
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

std::optional<std::string> try_read(const std::string& path) {
  try {
    return make_posix_file_system()->read(path);
  } catch (const SystemError&) {
    return std::nullopt;
  }
}

void publish(FileSystem& files, const std::string& path) {
  files.rename(partial_path(path), path);
  files.sync_folder(folder_of(path));
}

void write_atomically(FileSystem& files, const std::string& path, const std::string& content) {
  const auto file = files.create(partial_path(path));
  file->append(std::as_bytes(std::span(content)));
  file->sync();
  file->close();
  publish(files, path);
}

}  // namespace bbg::core
