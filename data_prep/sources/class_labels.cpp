#include "data_prep/sources/class_labels.h"

#include <algorithm>

#include "core/error.h"
#include "data_prep/sources/class_names.h"
#include "data_prep/sources/label_file.h"
#include "data_prep/sources/label_numbers.h"

namespace bbg::data_prep {

namespace {

// The image that lies in the root itself; size(): none does. Order puts it anywhere.
size_t image_without_folder(const NameList& images) {
  size_t index = 0;
  while (index < images.size() && images[index].find('/') != std::string_view::npos) ++index;
  return index;
}

ClassLabels by_folder(const NameList& images, const std::vector<std::string>& folders) {
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

void refuse_lone_options(const SourceRequest& request, bool has_folders) {
  if (!request.synsets.empty()) {
    throw core::UsageError("--synsets says what the numbers of --labels mean, which is missing",
                           "name both: --labels ILSVRC2012_validation_ground_truth.txt");
  }
  if (!request.classes.empty() && !has_folders) {
    throw core::UsageError("--classes needs classes: the images lie in one folder, without labels",
                           "name their file of labels with --labels");
  }
}

}  // namespace

ClassLabels label_images(const NameList& images, const std::vector<std::string>& folders,
                         const SourceRequest& request, LeftOut& left_out) {
  if (!request.labels.empty()) {
    const LabelFile file = read_label_file(request.labels);
    const bool is_bare = file.names.size() == 0 && request.classes.empty();
    if (is_bare && request.synsets.empty() && are_numbers(file.labels)) {
      throw core::UsageError(
          request.labels + " has numbers alone, which do not say what classes they are",
          "name the WordNet id of each number with --synsets, or the classes with --classes");
    }
    return number_labels(labels_of(images, file, left_out), file.labels, request, request.labels);
  }
  refuse_lone_options(request, !folders.empty());
  if (folders.empty()) return {};
  if (const size_t flat = image_without_folder(images); flat < images.size()) {
    throw core::UsageError(
        request.input + " has both images (" + std::string(images[flat]) + ") and sub-folders (" +
            folders.front() + ")",
        "put every image into the sub-folder of its class, or all of them into one folder");
  }
  ClassLabels classes = by_folder(images, folders);
  if (request.classes.empty()) return classes;
  ClassNumbers numbers(read_lines(request.classes), request.classes);
  std::vector<int32_t> number_of;
  for (const std::string& folder : folders) {
    number_of.push_back(numbers.of_name(folder, "folder " + folder));
  }
  for (int32_t& label : classes.labels) label = number_of[static_cast<size_t>(label)];
  classes.class_names = numbers.names();
  return classes;
}

ClassLabels number_labels(const NameList& texts, const NameList& all, const SourceRequest& request,
                          const std::string& origin) {
  if (!request.synsets.empty()) return number_synsets(texts, request, origin);
  if (!request.classes.empty()) {
    const ClassNumbers numbers(read_lines(request.classes), request.classes);
    ClassLabels classes{.labels = {}, .class_names = numbers.names()};
    for (size_t i = 0; i < texts.size(); ++i) {
      classes.labels.push_back(numbers.of_text(texts[i], origin));
    }
    return classes;
  }
  return are_numbers(all) ? keep_numbers(texts, all, origin) : number_names(texts, all);
}

std::vector<std::string> names_of_numbers(int64_t count, const SourceRequest& request,
                                          const std::string& origin) {
  std::vector<std::string> names;
  if (request.classes.empty()) {
    for (int64_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
    return names;
  }
  names = read_lines(request.classes);
  if (static_cast<int64_t>(names.size()) < count) {
    throw core::UsageError(request.classes + " has " + std::to_string(names.size()) +
                               " classes, and " + origin + " has the label " +
                               std::to_string(count - 1),
                           "name the file of all its classes");
  }
  return names;
}

}  // namespace bbg::data_prep
