#pragma once
// A file system in memory that stops the world after the n-th operation and then shows what a disk
// may look like afterwards (after leveldb's fault injection test; docs of fsync(2) and rename(2)):
// file content is only sure after WritableFile::sync, names in a folder only after sync_folder.

#include <cerrno>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file_system.h"

namespace bbg::test {

// Thrown at the moment of the crash and by every operation after it.
struct Crash : std::runtime_error {
  Crash() : std::runtime_error("the machine has stopped") {}
};

class CrashingFileSystem final : public core::FileSystem {
 public:
  enum class Failure {
    kCrash,     // nothing works any more
    kDiskFull,  // every write from then on fails until free_disk(); the rest works
  };
  // The fate of all that was not synced.
  enum class Loss {
    kNothing,      // only the process died
    kContent,      // names are there, their content is not
    kHalfContent,  // the same with half of the content
    kNames,        // folders are as at their last sync
  };

  CrashingFileSystem() : root_(std::make_shared<Node>()) {}

  // The operation after `operations` more ones fails. Operations are what changes the disk, and
  // syncs.
  void fail_after(int64_t operations, Failure failure) {
    remaining_ = operations;
    failure_ = failure;
    is_armed_ = true;
  }
  void free_disk() { is_armed_ = false; }
  bool has_failed() const { return has_failed_; }
  int64_t operations() const { return operations_; }

  // The machine starts again.
  void restart(Loss loss) {
    lose(*root_, loss);
    is_armed_ = has_failed_ = is_stopped_ = false;
  }

  std::unique_ptr<core::WritableFile> create(const std::string& path) override {
    operation("create", path, true);
    auto& node = folder_of(path).entries[name_of(path)];
    if (!node) node = std::make_shared<Node>();
    node->is_file = true;
    node->content.clear();
    return std::make_unique<File>(*this, node, path);
  }

  std::string read(const std::string& path) override {
    check_running();
    const auto node = find(path);
    if (!node || !node->is_file) throw absent("open", path);
    return node->content;
  }

  bool exists(const std::string& path) override {
    check_running();
    return find(path) != nullptr;
  }

  std::vector<std::string> list(const std::string& folder) override {
    check_running();
    std::vector<std::string> names;
    if (const auto node = find(folder)) {
      for (const auto& entry : node->entries) names.push_back(entry.first);
    }
    return names;
  }

  void create_folders(const std::string& path) override {
    operation("mkdir", path, true);
    Node* node = root_.get();
    for (const std::string& part : parts(path)) {
      auto& next = node->entries[part];
      if (!next) next = std::make_shared<Node>();
      node = next.get();
    }
  }

  void rename(const std::string& from, const std::string& to) override {
    operation("rename", from, false);
    const auto node = find(from);
    if (!node) throw absent("rename", from);
    const auto there = find(to);
    if (there && !there->is_file && !there->entries.empty()) {
      throw core::SystemError(
          {.call = "rename", .object = to, .cause = "Directory not empty", .code = ENOTEMPTY});
    }
    folder_of(from).entries.erase(name_of(from));
    folder_of(to).entries[name_of(to)] = node;
  }

  // Not atomic: first what is inside goes.
  void remove_all(const std::string& path) override {
    operation("remove", path, false);
    const auto node = find(path);
    if (!node) return;
    while (!node->entries.empty()) {
      node->entries.erase(node->entries.begin());
      operation("remove", path, false);
    }
    folder_of(path).entries.erase(name_of(path));
  }

  void sync_folder(const std::string& path) override {
    operation("fsync folder", path, false);
    const auto node = find(path);
    if (!node) throw absent("open folder", path);
    node->synced_entries = node->entries;
  }

  // Damage from outside.
  std::string& content_of(const std::string& path) { return find(path)->content; }

 private:
  struct Node {
    bool is_file = false;
    std::string content, synced_content;
    std::map<std::string, std::shared_ptr<Node>> entries, synced_entries;
  };

  class File final : public core::WritableFile {
   public:
    File(CrashingFileSystem& files, std::shared_ptr<Node> node, std::string path)
        : files_(files), node_(std::move(node)), path_(std::move(path)) {}
    void append(std::span<const std::byte> bytes) override {
      const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      // A write that fails may have written a part.
      node_->content += text.substr(0, text.size() / 2);
      files_.operation("write", path_, true);
      node_->content += text.substr(text.size() / 2);
    }
    void sync() override {
      files_.operation("fsync", path_, false);
      node_->synced_content = node_->content;
    }
    void close() override { files_.check_running(); }

   private:
    CrashingFileSystem& files_;
    std::shared_ptr<Node> node_;
    std::string path_;
  };

  void check_running() const {
    if (is_stopped_) throw Crash();
  }

  void operation(const std::string& call, const std::string& path, bool needs_space) {
    check_running();
    ++operations_;
    if (!is_armed_ || remaining_-- > 0) return;
    if (failure_ == Failure::kCrash) {
      has_failed_ = is_stopped_ = true;
      throw Crash();
    }
    if (!needs_space) return;
    has_failed_ = true;
    throw core::SystemError(
        {.call = call, .object = path, .cause = "No space left on device", .code = ENOSPC});
  }

  static core::SystemError absent(const std::string& call, const std::string& path) {
    return core::SystemError(
        {.call = call, .object = path, .cause = "No such file or directory", .code = ENOENT});
  }

  static std::vector<std::string> parts(const std::string& path) {
    std::vector<std::string> result{""};
    for (const char c : path) {
      if (c == '/') {
        result.emplace_back();
      } else {
        result.back() += c;
      }
    }
    std::erase_if(result, [](const std::string& part) { return part.empty() || part == "."; });
    return result;
  }
  static std::string name_of(const std::string& path) { return parts(path).back(); }

  std::shared_ptr<Node> find(const std::string& path) const {
    std::shared_ptr<Node> node = root_;
    for (const std::string& part : parts(path)) {
      const auto found = node->entries.find(part);
      if (found == node->entries.end()) return nullptr;
      node = found->second;
    }
    return node;
  }

  Node& folder_of(const std::string& path) const {
    const auto all = parts(path);
    Node* node = root_.get();
    for (size_t i = 0; i + 1 < all.size(); ++i) {
      const auto found = node->entries.find(all[i]);
      if (found == node->entries.end()) throw absent("open", path);
      node = found->second.get();
    }
    return *node;
  }

  static void lose(Node& node, Loss loss) {
    if (loss == Loss::kNames) node.entries = node.synced_entries;
    if (node.is_file && loss != Loss::kNothing) {
      const std::string written = node.content;
      node.content = node.synced_content;
      if (loss == Loss::kHalfContent && written.size() > node.content.size()) {
        node.content = written.substr(0, (node.content.size() + written.size()) / 2);
      }
    }
    for (const auto& entry : node.entries) lose(*entry.second, loss);
    node.synced_entries = node.entries;
    node.synced_content = node.content;
  }

  std::shared_ptr<Node> root_;
  int64_t operations_ = 0, remaining_ = 0;
  Failure failure_ = Failure::kCrash;
  bool is_armed_ = false, has_failed_ = false, is_stopped_ = false;
};

}  // namespace bbg::test
