#include <zlib.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/error.h"
#include "data/codec/colour.h"
#include "data_prep/image_source.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

// The IDX format (LeCun, Cortes & Burges, the MNIST page): two zero bytes, the type, the number of
// dimensions; then each dimension as 4 bytes, big-endian; then the values.
constexpr uint8_t kTypeUint8 = 0x08;
constexpr size_t kImageDimensions = 3, kLabelDimensions = 1;
constexpr int64_t kMaxBytes = int64_t{1} << 36;

// zlib reads plain files as they are.
class GzipFile {
 public:
  explicit GzipFile(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (file_ == nullptr) throw core::reading_error("open", path);
    gzbuffer(file_, 1 << 18);
  }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;
  ~GzipFile() { gzclose(file_); }

  // Returns fewer bytes than asked for at the end of the file.
  size_t read(uint8_t* out, size_t count) {
    size_t done = 0;
    while (done < count) {
      const auto part = static_cast<unsigned>(std::min<size_t>(count - done, 1 << 30));
      const int got = gzread(file_, out + done, part);
      if (got < 0) fail();
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  // A gzip file that breaks off reads as a short one; only this tells.
  bool is_truncated() const {
    int code = Z_OK;
    gzerror(file_, &code);
    return code == Z_BUF_ERROR;
  }

 private:
  [[noreturn]] void fail() const {
    int code = Z_OK;
    const std::string text = gzerror(file_, &code);
    if (code == Z_ERRNO) throw core::reading_error("read", path_);
    throw core::UsageError(path_ + " is a damaged gzip file: " + text, "fetch the file again");
  }

  std::string path_;
  gzFile file_;
};

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
  IdxSource(const std::string& images, const std::string& labels)
      : path_(images), images_(read_idx(images, kImageDimensions)) {
    if (labels.empty()) return;
    labels_ = read_idx(labels, kLabelDimensions).values;
    if (static_cast<int64_t>(labels_.size()) != size()) {
      throw core::UsageError(labels + " has " + std::to_string(labels_.size()) + " labels, " +
                                 images + " has " + std::to_string(size()) + " images",
                             "check that --labels belongs to --input");
    }
    const int64_t num_classes = *std::max_element(labels_.begin(), labels_.end()) + 1;
    for (int64_t i = 0; i < num_classes; ++i) class_names_.push_back(std::to_string(i));
  }

  int64_t size() const override { return images_.shape[0]; }

  core::Image read(int64_t index, int64_t channels) const override {
    const int64_t bytes = images_.shape[1] * images_.shape[2];
    const auto begin = images_.values.begin() + index * bytes;
    core::Image image{.height = images_.shape[1],
                      .width = images_.shape[2],
                      .channels = 1,
                      .pixels = {begin, begin + bytes}};
    return data::with_channels(std::move(image), channels);
  }

  int64_t label(int64_t index) const override {
    return labels_.empty() ? -1 : labels_[static_cast<size_t>(index)];
  }
  std::string name(int64_t index) const override {
    return path_ + ": image " + std::to_string(index);
  }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  std::string description() const override {
    return "IDX file " + fs::path(path_).filename().string();
  }
  int64_t natural_channels() const override { return 1; }
  data::Fit natural_fit() const override { return data::Fit::kPad; }

 private:
  std::string path_;
  IdxArray images_;
  std::vector<uint8_t> labels_;
  std::vector<std::string> class_names_;
};

}  // namespace

std::unique_ptr<ImageSource> open_idx(const std::string& images, const std::string& labels) {
  return std::make_unique<IdxSource>(images, labels);
}

bool looks_like_idx(const std::string& path) {
  std::array<uint8_t, 4> word{};
  GzipFile file(path);
  return file.read(word.data(), 4) == 4 && word[0] == 0 && word[1] == 0 && word[2] == kTypeUint8;
}

}  // namespace bbg::data_prep
