#include "data_prep/sources/folder_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "core/error.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

class Walk {
 public:
  explicit Walk(const fs::path& root) {
    descend(root, "");
    tree.images.sort();
    std::sort(tree.folders.begin(), tree.folders.end(), comes_before);
  }

  FolderTree tree;

 private:
  using Identity = std::pair<dev_t, ino_t>;

  static Identity identity_of(const fs::path& folder) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) {
      throw fs::filesystem_error("stat", folder, {errno, std::generic_category()});
    }
    return {status.st_dev, status.st_ino};
  }

  // `prefix` stands before the names of what the folder holds: empty, or ends in a separator.
  void descend(const fs::path& folder, const std::string& prefix) {
    above_.push_back(identity_of(folder));
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      std::error_code ignored;
      if (!entry.is_directory(ignored)) {
        consider(entry, name, prefix);
      } else if (enters(entry, name)) {
        if (prefix.empty()) tree.folders.push_back(name);
        descend(entry.path(), prefix + name + "/");
      }
    }
    above_.pop_back();
  }

  bool enters(const fs::directory_entry& entry, const std::string& name) {
    std::string kind = kind_of_folder(name);
    if (kind.empty()) {
      const Identity identity = identity_of(entry.path());
      if (std::find(above_.begin(), above_.end(), identity) == above_.end()) return true;
      kind = "link to a folder above";
    }
    ++tree.left_out[kind];
    return false;
  }

  // An entry knows its type from the listing; asking for it would double the calls over a network.
  void consider(const fs::directory_entry& entry, const std::string& name,
                const std::string& prefix) {
    std::string kind = kind_of_file(name);
    if (kind != "hidden file" && kind != "system file") {
      std::error_code error;
      if (entry.is_regular_file(error)) {
        if (kind.empty()) tree.images.add(prefix + name);
      } else if (is_broken_link(entry)) {
        kind = "broken link";
      } else {
        kind = "special file";
      }
    }
    if (!kind.empty()) ++tree.left_out[kind];
  }

  static bool is_broken_link(const fs::directory_entry& entry) {
    std::error_code error;
    if (entry.exists(error)) return false;
    if (error && error != std::errc::no_such_file_or_directory &&
        error != std::errc::not_a_directory && error != std::errc::too_many_symbolic_link_levels) {
      throw fs::filesystem_error("stat", entry.path(), error);
    }
    return true;
  }

  std::vector<Identity> above_;  // the folders that this one is in
};

}  // namespace

FolderTree find_images(const std::string& root) {
  try {
    return std::move(Walk(root).tree);
  } catch (const fs::filesystem_error& failure) {
    throw core::SystemError(
        {.call = "reading a folder",
         .object = failure.path1().string(),
         .cause = failure.code().message(),
         .code = failure.code().value(),
         .restart_can_help = core::reading_may_succeed_later(failure.code().value())});
  }
}

}  // namespace bbg::data_prep
