#include "data_prep/sources/idx_source.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/error.h"
#include "data_prep/sources/class_labels.h"
#include "data_prep/sources/gzip_file.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

// The IDX format (LeCun, Cortes & Burges, the MNIST page): two zero bytes, the type, the number of
// dimensions; then each dimension as 4 bytes, big-endian; then the values.
constexpr uint8_t kTypeUint8 = 0x08;
constexpr size_t kImageDimensions = 3, kLabelDimensions = 1;
constexpr int64_t kMaxBytes = int64_t{1} << 36;

struct IdxArray {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;
};

IdxArray read_idx(const std::string& path, size_t dimensions) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    throw core::UsageError("IDX file " + path + " does not exist", "check --input and --labels");
  }
  GzipFile file(path);
  std::array<uint8_t, 4> word{};
  const bool has_magic = file.read(word.data(), 4) == 4;
  if (!has_magic || word[0] != 0 || word[1] != 0 || word[2] != kTypeUint8 ||
      word[3] != dimensions) {
    throw core::UsageError(path + " is not an IDX file of " +
                               (dimensions == kImageDimensions ? "images (uint8, 3 dimensions)"
                                                               : "labels (uint8, 1 dimension)"),
                           "images and labels are two files: --input IMAGES --labels LABELS");
  }
  IdxArray array;
  int64_t bytes = 1;
  for (size_t i = 0; i < dimensions; ++i) {
    const bool has_word = file.read(word.data(), 4) == 4;
    const int64_t length = has_word ? int64_t{word[0]} << 24 | int64_t{word[1]} << 16 |
                                          int64_t{word[2]} << 8 | int64_t{word[3]}
                                    : 0;
    if (length == 0 || length > kMaxBytes / bytes) {
      throw core::UsageError(path + " is empty or damaged: its header makes no sense",
                             "fetch the file again");
    }
    bytes *= length;
    array.shape.push_back(length);
  }
  // In parts, so that a damaged header cannot ask for more memory than the file fills.
  constexpr size_t kPart = size_t{1} << 24;
  for (size_t got = kPart; got == kPart && array.values.size() < static_cast<size_t>(bytes);) {
    const size_t before = array.values.size();
    const size_t wanted = std::min(kPart, static_cast<size_t>(bytes) - before);
    array.values.resize(before + wanted);
    got = file.read(array.values.data() + before, wanted);
    array.values.resize(before + got);
  }
  uint8_t beyond = 0;
  const bool is_longer = file.read(&beyond, 1) == 1;
  if (static_cast<int64_t>(array.values.size()) != bytes || is_longer || file.is_truncated()) {
    throw core::UsageError(
        path + (is_longer ? " is longer than its header says"
                          : " is truncated: " + std::to_string(array.values.size()) + " of " +
                                std::to_string(bytes) + " bytes"),
        "fetch the file again");
  }
  return array;
}

class IdxSource final : public ImageSource {
 public:
  explicit IdxSource(const SourceRequest& request)
      : path_(request.input), images_(read_idx(path_, kImageDimensions)) {
    const std::string& labels = request.labels;
    if (labels.empty()) {
      if (request.classes.empty()) return;
      throw core::UsageError("--classes names the classes of --labels, which is missing",
                             "name the file of labels with --labels");
    }
    labels_ = read_idx(labels, kLabelDimensions).values;
    if (static_cast<int64_t>(labels_.size()) != size()) {
      throw core::UsageError(labels + " has " + std::to_string(labels_.size()) + " labels, " +
                                 path_ + " has " + std::to_string(size()) + " images",
                             "check that --labels belongs to --input");
    }
    class_names_ =
        names_of_numbers(*std::max_element(labels_.begin(), labels_.end()) + 1, request, labels);
  }

  int64_t size() const override { return images_.shape[0]; }

  void read(int64_t index, Content& out) const override {
    const int64_t bytes = images_.shape[1] * images_.shape[2];
    const auto begin = images_.values.begin() + index * bytes;
    out.is_encoded = false;
    out.image.height = images_.shape[1];
    out.image.width = images_.shape[2];
    out.image.channels = 1;
    out.image.pixels.assign(begin, begin + bytes);
  }

  int64_t label(int64_t index) const override {
    return labels_.empty() ? -1 : labels_[static_cast<size_t>(index)];
  }
  std::string name(int64_t index) const override {
    return fs::path(path_).filename().string() + ":" + std::to_string(index);
  }
  std::string place(int64_t index) const override {
    return path_ + ": image " + std::to_string(index);
  }
  int64_t bytes(int64_t) const override { return -1; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  std::string description() const override {
    return "IDX file " + fs::path(path_).filename().string();
  }
  int64_t natural_channels() const override { return 1; }
  image::Fit natural_fit() const override { return image::Fit::kPad; }
  int64_t natural_size() const override {
    return images_.shape[1] == images_.shape[2] ? images_.shape[1] : 0;
  }
  bool is_shuffled_by_default() const override { return false; }

 private:
  std::string path_;
  IdxArray images_;
  std::vector<uint8_t> labels_;
  std::vector<std::string> class_names_;
};

}  // namespace

std::unique_ptr<ImageSource> open_idx(const SourceRequest& request) {
  return std::make_unique<IdxSource>(request);
}

bool looks_like_idx(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  std::array<uint8_t, 4> word{};
  GzipFile file(path);
  return file.read(word.data(), 4) == 4 && word[0] == 0 && word[1] == 0 && word[2] == kTypeUint8;
}

}  // namespace bbg::data_prep
