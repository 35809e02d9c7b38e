#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "data/sample_plan.h"
#include "data_prep/image_source.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with("."); }

bool is_named_as_image(const fs::path& path) {
  std::string end = path.extension().string();
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return end == ".jpg" || end == ".jpeg" || end == ".png";
}

class FolderSource final : public ImageSource {
 public:
  explicit FolderSource(fs::path root) : root_(std::move(root)) {
    std::vector<fs::path> classes;
    for (const fs::directory_entry& entry : fs::directory_iterator(root_)) {
      if (is_hidden(entry.path())) continue;
      if (entry.is_directory()) {
        classes.push_back(entry.path());
      } else {
        consider(entry, -1);
      }
    }
    if (!items_.empty() && !classes.empty()) {
      throw core::UsageError(
          root_.string() + " has both images (" + items_.front().path.filename().string() +
              ") and sub-folders (" + classes.front().filename().string() + ")",
          "put every image into the sub-folder of its class, or all of them into one folder");
    }
    // An empty class keeps its number: training and test folders may differ in what they hold.
    std::sort(classes.begin(), classes.end());
    for (const fs::path& folder : classes) {
      const auto label = static_cast<int64_t>(class_names_.size());
      class_names_.push_back(folder.filename().string());
      for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
        if (!is_hidden(entry.path())) consider(entry, label);
      }
    }
    if (items_.empty()) {
      throw core::UsageError(
          "no images in " + root_.string() + ": no file ends in .jpg, .jpeg or " + ".png" +
              (num_ignored_ > 0 ? " (" + std::to_string(num_ignored_) + " other files are there)"
                                : ""),
          "name a folder of images, or of one sub-folder per class");
    }
    shuffle();
  }

  int64_t size() const override { return static_cast<int64_t>(items_.size()); }

  data::Image read(int64_t index, int64_t channels) const override {
    const std::string path = name(index);
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file) {
      throw core::UsageError("cannot read " + path,
                             "check its permissions, or leave such files out with --skip-bad");
    }
    return data::decode_image(std::as_bytes(std::span(bytes)), channels, path);
  }

  int64_t label(int64_t index) const override { return items_[static_cast<size_t>(index)].label; }
  std::string name(int64_t index) const override {
    return items_[static_cast<size_t>(index)].path.string();
  }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  std::string description() const override {
    return "image folder " + fs::canonical(root_).filename().string();
  }
  int64_t natural_channels() const override { return 3; }
  data::Fit natural_fit() const override { return data::Fit::kResize; }

 private:
  struct Item {
    fs::path path;
    int64_t label;
  };

  void consider(const fs::directory_entry& entry, int64_t label) {
    if (!entry.is_regular_file()) return;
    if (is_named_as_image(entry.path())) {
      items_.push_back({entry.path(), label});
    } else {
      ++num_ignored_;
    }
  }

  // The same order on every machine, whatever the disk lists first; and mixed, so that any stretch
  // of the data set (evaluation may hold back its end) has all classes in it.
  void shuffle() {
    std::sort(items_.begin(), items_.end(),
              [](const Item& a, const Item& b) { return a.path < b.path; });
    const data::SamplePlan plan(0, size(), 1);
    std::vector<Item> shuffled;
    for (int64_t i = 0; i < size(); ++i) {
      shuffled.push_back(std::move(items_[static_cast<size_t>(plan.permuted(0, i))]));
    }
    items_ = std::move(shuffled);
  }

  fs::path root_;
  std::vector<Item> items_;
  std::vector<std::string> class_names_;
  int64_t num_ignored_ = 0;
};

}  // namespace

std::unique_ptr<ImageSource> open_folder(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    throw core::UsageError("image folder " + path + " does not exist", "check --input");
  }
  try {
    return std::make_unique<FolderSource>(path);
  } catch (const fs::filesystem_error& failure) {
    throw core::SystemError({.call = "reading a folder",
                             .object = failure.path1().string(),
                             .cause = failure.code().message(),
                             .code = failure.code().value()});
  }
}

}  // namespace bbg::data_prep
