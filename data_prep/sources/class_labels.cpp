#include "data_prep/sources/class_labels.h"

#include <algorithm>

#include "core/error.h"

namespace bbg::data_prep {

namespace {

// The image that lies in the root itself; size(): none does. Order puts it anywhere.
size_t image_without_folder(const NameList& images) {
  size_t index = 0;
  while (index < images.size() && images[index].find('/') != std::string_view::npos) ++index;
  return index;
}

}  // namespace

ClassLabels label_images(const NameList& images, const std::vector<std::string>& folders,
                         const SourceRequest& request) {
  if (folders.empty()) return {};
  if (const size_t flat = image_without_folder(images); flat < images.size()) {
    throw core::UsageError(
        request.input + " has both images (" + std::string(images[flat]) + ") and sub-folders (" +
            folders.front() + ")",
        "put every image into the sub-folder of its class, or all of them into one folder");
  }
  ClassLabels classes{.labels = {}, .class_names = folders};
  classes.labels.reserve(images.size());
  size_t label = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    const std::string_view folder = images[i].substr(0, images[i].find('/'));
    while (folders[label] != folder) ++label;
    classes.labels.push_back(static_cast<int32_t>(label));
  }
  return classes;
}

}  // namespace bbg::data_prep
