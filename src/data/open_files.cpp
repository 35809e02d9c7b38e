#include "data/open_files.h"

#include <algorithm>
#include <utility>

namespace bbg::data {

namespace {

// A disk that was waited for is looked at again after so many samples: hints make reads find their
// bytes in memory as if the disk were fast.
constexpr int64_t kHintsOfAWait = 4096;

}  // namespace

OpenFiles::OpenFiles(int64_t most_open) : most_open_(std::max<int64_t>(1, most_open)) {}

size_t OpenFiles::add(FileDescriptor file) {
  const std::lock_guard lock(mutex_);
  files_.push_back({.path = file.path(), .identity = file.identity(), .open = nullptr});
  keep(files_.size() - 1, std::move(file));
  return files_.size() - 1;
}

size_t OpenFiles::add(std::string path) {
  const std::lock_guard lock(mutex_);
  files_.push_back({.path = std::move(path), .identity = {}, .open = nullptr});
  return files_.size() - 1;
}

void OpenFiles::read_at(size_t file, int64_t offset, std::span<uint8_t> out) const {
  const std::shared_ptr<const FileDescriptor> open = get(file);
  try {
    if (open->read_at(offset, out)) hints_ = kHintsOfAWait;
  } catch (const core::SystemError&) {
    forget(file, *open);
    throw;
  }
}

void OpenFiles::will_read(size_t file, int64_t offset, int64_t bytes) const {
  --hints_;
  get(file)->will_read(offset, bytes);
}

// A network's file that went stale is whole again where it is opened anew.
void OpenFiles::forget(size_t file, const FileDescriptor& descriptor) const {
  const std::lock_guard lock(mutex_);
  File& entry = files_[file];
  if (entry.open.get() != &descriptor) return;
  entry.open.reset();
  --num_open_;
}

// Opening may take long over a network, so others read on meanwhile.
std::shared_ptr<const FileDescriptor> OpenFiles::get(size_t file) const {
  std::unique_lock lock(mutex_);
  File& entry = files_[file];
  entry.last_use = ++uses_;
  if (entry.open) return entry.open;
  const std::optional<FileDescriptor::Identity> known = entry.identity;
  lock.unlock();
  FileDescriptor descriptor = open_again(entry.path, known);
  lock.lock();
  if (!entry.identity) entry.identity = descriptor.identity();
  return entry.open ? entry.open : keep(file, std::move(descriptor));
}

FileDescriptor OpenFiles::open_again(
    const std::string& path, const std::optional<FileDescriptor::Identity>& identity) const {
  FileDescriptor descriptor = with_room([&] { return FileDescriptor(path); });
  if (!identity || descriptor.identity() == *identity) return descriptor;
  throw core::UsageError(path + " was changed or replaced while it was being read",
                         "leave a data set as it is while programs read it; start again");
}

std::shared_ptr<const FileDescriptor> OpenFiles::keep(size_t file,
                                                      FileDescriptor descriptor) const {
  if (num_open_ >= most_open_) close_one();
  files_[file].open = std::make_shared<const FileDescriptor>(std::move(descriptor));
  ++num_open_;
  return files_[file].open;
}

// The one that was not used for longest; false if none is open.
bool OpenFiles::close_one() const {
  File* oldest = nullptr;
  for (File& file : files_) {
    if (file.open && (oldest == nullptr || file.last_use < oldest->last_use)) oldest = &file;
  }
  if (oldest == nullptr) return false;
  oldest->open.reset();
  --num_open_;
  return true;
}

}  // namespace bbg::data
