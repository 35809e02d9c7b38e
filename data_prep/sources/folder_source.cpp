#include "data_prep/sources/folder_source.h"

#include <filesystem>

#include "core/error.h"
#include "data_prep/sources/class_labels.h"
#include "data_prep/sources/folder_tree.h"
#include "data_prep/sources/read_image_file.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

class FolderSource final : public ImageSource {
 public:
  explicit FolderSource(const SourceRequest& request)
      : root_(request.input), tree_(find_images(root_)) {
    if (tree_.images.size() == 0) {
      const std::string left_out = left_out_text(tree_.left_out);
      throw core::UsageError("no images in " + root_ + ": no file ends in " + kImageEndings +
                                 (left_out.empty() ? "" : " (there are " + left_out + ")"),
                             "name a folder of images, or of one sub-folder per class");
    }
    classes_ = label_images(tree_.images, tree_.folders, request, tree_.left_out);
  }

  int64_t size() const override { return static_cast<int64_t>(tree_.images.size()); }
  void read(int64_t index, Content& out) const override {
    out.is_encoded = true;
    read_image_file(place(index), out.bytes);
  }
  void will_read(int64_t index) const override { will_read_image_file(place(index)); }
  int64_t label(int64_t index) const override {
    return classes_.labels.empty() ? -1 : classes_.labels[static_cast<size_t>(index)];
  }
  std::string name(int64_t index) const override {
    return std::string(tree_.images[static_cast<size_t>(index)]);
  }
  std::string place(int64_t index) const override {
    std::string path = root_;
    if (!path.ends_with('/')) path += '/';
    return path += tree_.images[static_cast<size_t>(index)];
  }
  int64_t bytes(int64_t) const override { return -1; }
  const std::vector<std::string>& class_names() const override { return classes_.class_names; }
  std::string description() const override {
    return "image folder " + fs::canonical(root_).filename().string();
  }
  int64_t natural_channels() const override { return 3; }
  image::Fit natural_fit() const override { return image::Fit::kResize; }
  bool is_shuffled_by_default() const override { return true; }
  LeftOut left_out() const override { return tree_.left_out; }

 private:
  std::string root_;
  FolderTree tree_;
  ClassLabels classes_;
};

}  // namespace

std::unique_ptr<ImageSource> open_folder(const SourceRequest& request) {
  std::error_code error;
  if (!fs::is_directory(request.input, error)) {
    throw core::UsageError("image folder " + request.input + " does not exist", "check --input");
  }
  return std::make_unique<FolderSource>(request);
}

}  // namespace bbg::data_prep
