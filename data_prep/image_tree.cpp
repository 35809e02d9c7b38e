#include "data_prep/image_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

// Names, not hidden ones, that archivers, network storage and file systems put beside data.
constexpr std::array<std::string_view, 7> kSystemFolders = {
    "__macosx", "@eadir",     "lost+found", "$recycle.bin", "system volume information",
    "#recycle", "__pycache__"};
constexpr std::array<std::string_view, 3> kSystemFiles = {"thumbs.db", "ehthumbs.db",
                                                          "desktop.ini"};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

template <class Names>
bool is_one_of(const std::string& name, const Names& names) {
  return std::find(names.begin(), names.end(), lower(name)) != names.end();
}

class Walk {
 public:
  explicit Walk(const fs::path& root) {
    above_.push_back(identity_of(root));
    std::vector<fs::path> classes;
    for (const fs::directory_entry& entry : fs::directory_iterator(root)) {
      if (is_folder(entry)) {
        classes.push_back(entry.path());
      } else {
        consider(entry, -1);
      }
    }
    if (!tree.items.empty() && !classes.empty()) {
      throw core::UsageError(
          root.string() + " has both images (" + tree.items.front().path.filename().string() +
              ") and sub-folders (" + classes.front().filename().string() + ")",
          "put every image into the sub-folder of its class, or all of them into one folder");
    }
    // An empty class keeps its number: training and test folders may differ in what they hold.
    std::sort(classes.begin(), classes.end());
    for (const fs::path& folder : classes) {
      const auto label = static_cast<int64_t>(tree.class_names.size());
      tree.class_names.push_back(folder.filename().string());
      descend(folder, label);
    }
  }

  ImageTree tree;

 private:
  using Identity = std::pair<dev_t, ino_t>;

  static Identity identity_of(const fs::path& folder) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) {
      throw fs::filesystem_error("stat", folder, {errno, std::generic_category()});
    }
    return {status.st_dev, status.st_ino};
  }

  // Whether to go into it. A folder that is left out is counted.
  bool is_folder(const fs::directory_entry& entry) {
    std::error_code ignored;
    if (!entry.is_directory(ignored)) return false;
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".")) return leave_out("hidden folder");
    if (is_one_of(name, kSystemFolders)) return leave_out("system folder");
    const Identity identity = identity_of(entry.path());
    if (std::find(above_.begin(), above_.end(), identity) != above_.end()) {
      return leave_out("link to a folder above");
    }
    return true;
  }

  void descend(const fs::path& folder, int64_t label) {
    above_.push_back(identity_of(folder));
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (is_folder(entry)) {
        descend(entry.path(), label);
      } else {
        consider(entry, label);
      }
    }
    above_.pop_back();
  }

  // An entry knows its type from the listing; asking for it would double the calls over a network.
  void consider(const fs::directory_entry& entry, int64_t label) {
    std::error_code error;
    if (entry.is_directory(error)) return;  // has been counted
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".")) {
      leave_out("hidden file");
    } else if (is_one_of(name, kSystemFiles)) {
      leave_out("system file");
    } else if (entry.is_regular_file(error)) {
      const std::string end = lower(entry.path().extension().string());
      if (end == ".jpg" || end == ".jpeg" || end == ".png") {
        tree.items.push_back({entry.path(), label});
      } else {
        leave_out(end.empty() ? "file without extension" : core::printable(end));
      }
    } else if (!entry.exists(error) && (!error || error == std::errc::no_such_file_or_directory ||
                                        error == std::errc::not_a_directory ||
                                        error == std::errc::too_many_symbolic_link_levels)) {
      leave_out("broken link");
    } else if (error) {
      throw fs::filesystem_error("stat", entry.path(), error);
    } else {
      leave_out("special file");
    }
  }

  bool leave_out(const std::string& kind) {
    ++tree.left_out[kind];
    return false;
  }

  std::vector<Identity> above_;  // the folders that this one is in
};

std::string counted(const std::string& kind, int64_t count) {
  std::string text = kind;
  if (count > 1 && !kind.starts_with(".")) {
    const bool begins_with_noun = kind.starts_with("link") || kind.starts_with("file");
    text.insert(begins_with_noun ? 4 : text.size(), "s");
  }
  return core::with_separators(count) + " " + text;
}

}  // namespace

std::string left_out_text(const LeftOut& left_out) {
  constexpr size_t kShown = 12;
  std::vector<std::pair<std::string, int64_t>> kinds(left_out.begin(), left_out.end());
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  int64_t others = 0;
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (i < kShown) {
      text += (text.empty() ? "" : ", ") + counted(kinds[i].first, kinds[i].second);
    } else {
      others += kinds[i].second;
    }
  }
  return text + (others > 0 ? " and " + core::with_separators(others) + " of other kinds" : "");
}

ImageTree find_images(const fs::path& root) { return std::move(Walk(root).tree); }

}  // namespace bbg::data_prep
