#include "data_prep/sources/webdataset_source.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/text.h"
#include "data_prep/sources/archives.h"
#include "data_prep/sources/tar_images.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

bool has_label(std::string_view name) {
  const std::string_view end = split_sample_name(name).end;
  return end == "cls" || end == "json";
}

// A number or a name; empty where there is none.
std::string label_in(std::string_view name, std::string_view content) {
  if (split_sample_name(name).end == "cls") {
    const size_t begin = content.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return "";
    return std::string(content.substr(begin, content.find_last_not_of(" \t\r\n") - begin + 1));
  }
  const auto json = nlohmann::json::parse(content, nullptr, false);
  for (const char* key : {"label", "cls"}) {
    if (!json.is_object() || !json.contains(key)) continue;
    if (json[key].is_string()) return json[key].get<std::string>();
    if (json[key].is_number_integer()) return json[key].dump();
  }
  return "";
}

// Puts samples together as their files come.
class Samples {
 public:
  void add(const TarIndex& index, const std::string& archive, uint32_t number) {
    for (size_t i = 0; i < index.names.size(); ++i) {
      const std::string_view name = index.names[i];
      const std::string kind = kind_of_file(name.substr(name.rfind('/') + 1));
      if (kind == "hidden file" || kind == "system file") {
        ++images.left_out[kind];
        continue;
      }
      const SampleName parts = split_sample_name(name);
      if (!sample_ || sample_->key != parts.key) {
        finish();
        sample_ = {.key = std::string(parts.key)};
      }
      if (parts.is_image() && sample_->image.empty()) {
        sample_->image = archive + "/" + std::string(name);
        sample_->file = index.files[i];
        sample_->file.archive = number;
      } else if (has_label(name)) {
        take_label(std::string(index.notes[i]), parts.end == "cls");
      } else {
        ++images.left_out[kind.empty() ? "further image of a sample" : kind];
      }
    }
    finish();
    for (const auto& [kind, count] : index.left_out) images.left_out[kind] += count;
  }

  TarImages images;
  NameList labels;  // those that have one
  std::string first_without_label;
  bool has_cls = false, has_json = false;

 private:
  struct Sample {
    std::string key, image{}, label{};
    bool label_is_cls = false;
    TarIndex::File file{};
  };

  void take_label(const std::string& label, bool is_cls) {
    if (label.empty() || (sample_->label_is_cls && !is_cls)) return;
    sample_->label = label;
    sample_->label_is_cls = is_cls;
  }

  void finish() {
    if (sample_ && sample_->image.empty()) ++images.left_out["sample without image"];
    if (sample_ && !sample_->image.empty()) {
      images.names.add(sample_->image);
      images.files.push_back(sample_->file);
      if (!sample_->label.empty()) {
        labels.add(sample_->label);
        (sample_->label_is_cls ? has_cls : has_json) = true;
      } else if (first_without_label.empty()) {
        first_without_label = sample_->image;
      }
    }
    sample_.reset();
  }

  std::optional<Sample> sample_;
};

void refuse_equal_names(const NameList& names) {
  NameList sorted = names;
  sorted.sort();
  for (size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i] != sorted[i - 1]) continue;
    throw core::UsageError("two samples are named " + std::string(sorted[i]),
                           "give each archive a name, and each sample of it a key, of its own");
  }
}

ClassLabels labels_of(const Samples& samples, const SourceRequest& request) {
  const size_t size = samples.images.names.size();
  const std::string input = request.input;
  if (samples.labels.size() == size) {
    return number_labels(samples.labels, samples.labels, request, input);
  }
  if (samples.labels.size() > 0) {
    throw core::UsageError(
        core::with_separators(static_cast<int64_t>(size - samples.labels.size())) + " samples of " +
            input + " have no label; the first: " + samples.first_without_label,
        "each needs a .cls, or a .json with \"label\" or \"cls\" that is a number or a text");
  }
  if (!request.classes.empty()) {
    throw core::UsageError("--classes names classes, and no sample of " + input + " has a label",
                           "leave it out, or add .cls files to the samples");
  }
  return {};
}

}  // namespace

std::unique_ptr<ImageSource> open_webdataset(const SourceRequest& request) {
  std::vector<std::string> paths = archives_of(request.input);
  if (paths.empty()) paths = {request.input};  // says what it is not
  const TarScan scan = {.enters_archives = false, .has_note = has_label, .note = label_in};
  std::vector<IndexedTar> tars = index_tars(paths, scan, "webdataset", request.index_path);
  Samples samples;
  for (size_t i = 0; i < tars.size(); ++i) {
    samples.add(tars[i].index, fs::path(paths[i]).filename().string(), static_cast<uint32_t>(i));
    tars[i].index = {};
    samples.images.archives.push_back(std::move(tars[i].bytes));
  }
  if (samples.images.names.size() == 0) {
    throw core::UsageError(
        "no images in " + request.input + ": no sample has a file that ends in " + kImageEndings,
        "name archives of samples such as 0001.jpg and 0001.cls");
  }
  refuse_equal_names(samples.images.names);
  samples.images.classes = labels_of(samples, request);
  samples.images.description = "WebDataset " + archives_text(request.input, paths) +
                               (samples.has_cls && samples.has_json ? ", labels of .cls and .json"
                                : samples.has_cls                   ? ", labels of .cls"
                                : samples.has_json                  ? ", labels of .json"
                                                                    : ", without labels");
  return make_tar_image_source(std::move(samples.images));
}

}  // namespace bbg::data_prep
