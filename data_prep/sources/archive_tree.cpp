#include "data_prep/sources/archive_tree.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace bbg::data_prep {

namespace {

std::string_view first_part(std::string_view name) { return name.substr(0, name.find('/')); }

// Folders that are left out, each counted once.
class LeftOutFolders {
 public:
  // Whether `folder` is such a one, or lies in one.
  bool has(std::string_view folder, LeftOut& left_out) {
    for (size_t begin = 0; begin < folder.size();) {
      const size_t end = std::min(folder.find('/', begin), folder.size());
      const std::string kind = kind_of_folder(folder.substr(begin, end - begin));
      if (!kind.empty()) {
        if (seen_.emplace(folder.substr(0, end)).second) ++left_out[kind];
        return true;
      }
      begin = end + 1;
    }
    return false;
  }

 private:
  std::set<std::string, std::less<>> seen_;
};

// "a/b/" of a/b/c/1.jpg and a/b/d/2.jpg. The folders that lie beside would be classes.
std::string root_of(const NameList& images, const std::vector<std::string>& folders) {
  std::string root;
  if (images.size() == 0) return root;
  for (;;) {
    const std::string_view rest = images[0].substr(root.size());
    const std::string next = root + std::string(first_part(rest)) + "/";
    for (size_t i = 0; i < images.size(); ++i) {
      const bool is_below =
          images[i].starts_with(next) && images[i].find('/', next.size()) != std::string_view::npos;
      if (!is_below) return root;
    }
    for (const std::string& folder : folders) {
      if (folder.starts_with(root) && !(folder + "/").starts_with(next) && folder + "/" != root) {
        return root;
      }
    }
    root = next;
  }
}

std::vector<std::string> sub_folders(const NameList& images,
                                     const std::vector<std::string>& folders) {
  const auto comes_first = [](const auto& a, const auto& b) { return comes_before(a, b); };
  std::set<std::string, decltype(comes_first)> found(comes_first);
  for (const std::string& folder : folders) found.emplace(first_part(folder));
  for (size_t i = 0; i < images.size(); ++i) {
    if (images[i].find('/') != std::string_view::npos) found.emplace(first_part(images[i]));
  }
  return {found.begin(), found.end()};
}

// In order, and each name once.
void take_in_order(ArchiveTree& tree, NameList names, const std::vector<TarIndex::File>& files) {
  const std::vector<uint32_t> order = names.sort();
  for (size_t i = 0; i < names.size(); ++i) {
    if (i + 1 < names.size() && names[i] == names[i + 1]) {
      ++tree.left_out["file of a name that comes again"];
      continue;
    }
    tree.images.add(names[i]);
    tree.files.push_back(files[order[i]]);
  }
}

}  // namespace

ArchiveTree find_images(TarIndex index) {
  ArchiveTree tree{.images = {}, .files = {}, .folders = {}, .left_out = std::move(index.left_out)};
  LeftOutFolders left_out;
  NameList images;
  std::vector<TarIndex::File> files;
  for (size_t i = 0; i < index.names.size(); ++i) {
    const std::string_view name = index.names[i];
    const size_t slash = name.rfind('/');
    const bool is_flat = slash == std::string_view::npos;
    if (!is_flat && left_out.has(name.substr(0, slash), tree.left_out)) continue;
    const std::string kind = kind_of_file(is_flat ? name : name.substr(slash + 1));
    if (kind.empty()) {
      images.add(name);
      files.push_back(index.files[i]);
    } else {
      ++tree.left_out[kind];
    }
  }
  std::vector<std::string> folders;
  for (std::string& folder : index.folders) {
    if (!left_out.has(folder, tree.left_out)) folders.push_back(std::move(folder));
  }
  index = {};
  const std::string root = root_of(images, folders);
  NameList names;
  for (size_t i = 0; i < images.size(); ++i) names.add(images[i].substr(root.size()));
  images = {};
  for (std::string& folder : folders) {
    folder = folder.starts_with(root) ? folder.substr(root.size()) : "";
  }
  std::erase(folders, "");
  tree.folders = sub_folders(names, folders);
  take_in_order(tree, std::move(names), files);
  return tree;
}

}  // namespace bbg::data_prep
