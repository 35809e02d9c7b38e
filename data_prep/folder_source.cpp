#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "core/error.h"
#include "core/file_system.h"
#include "data/codec/codec.h"
#include "data/sample_plan.h"
#include "data_prep/image_source.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

class FolderSource final : public ImageSource {
 public:
  explicit FolderSource(fs::path root) : root_(std::move(root)), tree_(find_images(root_)) {
    if (tree_.items.empty()) {
      const std::string left_out = left_out_text(tree_.left_out);
      throw core::UsageError("no images in " + root_.string() +
                                 ": no file ends in .jpg, .jpeg or .png" +
                                 (left_out.empty() ? "" : " (there are " + left_out + ")"),
                             "name a folder of images, or of one sub-folder per class");
    }
    shuffle();
  }

  int64_t size() const override { return static_cast<int64_t>(tree_.items.size()); }

  core::Image read(int64_t index, int64_t channels) const override {
    const std::string path = name(index);
    const std::string bytes = read_file(path);
    core::Image image;
    data::Decoder({.channels = channels})
        .decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, path, image);
    return image;
  }

  int64_t label(int64_t index) const override {
    return tree_.items[static_cast<size_t>(index)].label;
  }
  std::string name(int64_t index) const override {
    return tree_.items[static_cast<size_t>(index)].path.string();
  }
  const std::vector<std::string>& class_names() const override { return tree_.class_names; }
  std::string description() const override {
    return "image folder " + fs::canonical(root_).filename().string();
  }
  int64_t natural_channels() const override { return 3; }
  data::Fit natural_fit() const override { return data::Fit::kResize; }
  LeftOut left_out() const override { return tree_.left_out; }

 private:
  // A file that may not be read is one bad image; a disk that fails is not.
  std::string read_file(const std::string& path) const {
    try {
      return files_->read(path);
    } catch (const core::SystemError& error) {
      const int code = error.details().code;
      if (code != EACCES && code != EPERM && code != ENOENT) throw;
      throw core::UsageError("cannot read " + path + ": " + error.details().cause,
                             "check its permissions, or leave such files out with --skip-bad");
    }
  }

  // The same order on every machine, whatever the disk lists first; and mixed, so that any stretch
  // of the data set (evaluation may hold back its end) has all classes in it.
  void shuffle() {
    std::vector<ImageTree::Item>& items = tree_.items;
    std::sort(items.begin(), items.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    const data::SamplePlan plan(0, size(), 1);
    std::vector<ImageTree::Item> shuffled;
    for (int64_t i = 0; i < size(); ++i) {
      shuffled.push_back(std::move(items[static_cast<size_t>(plan.permuted(0, i))]));
    }
    items = std::move(shuffled);
  }

  fs::path root_;
  std::unique_ptr<core::FileSystem> files_ = core::make_posix_file_system();
  ImageTree tree_;
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
