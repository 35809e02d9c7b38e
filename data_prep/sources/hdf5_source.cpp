#include "data_prep/sources/hdf5_source.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <mutex>

#include "core/error.h"
#include "core/text.h"
#include "data/hdf5_file.h"
#include "data_prep/sources/byte_source.h"
#include "data_prep/sources/class_labels.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;
using data::Hdf5File;

namespace {

constexpr const char* kImages = "imgs";
constexpr const char* kLabels = "labels";

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw core::UsageError(path + " " + what,
                         "wanted are imgs, uint8 [n, 3, height, width], and labels, integers [n]");
}

// Where no system call failed, the content is at fault.
[[noreturn]] void rethrow(const core::SystemError& error, const std::string& path) {
  if (error.details().code != 0) throw error;
  throw core::UsageError(path + " is truncated or damaged: " + error.details().cause,
                         "fetch or make the file again");
}

bool is_channels(int64_t length) { return length == 1 || length == 3; }

struct Shape {
  int64_t images = 0, height = 0, width = 0, channels = 0;
  bool is_planar = true;  // [n, C, H, W]
  int64_t image_bytes() const { return height * width * channels; }
};

Shape shape_of(const Hdf5File& file, const std::string& path) {
  const std::vector<int64_t> dims = file.shape(kImages);
  if (!file.is_uint8(kImages)) refuse(path, "has imgs that are no bytes");
  if (dims.size() == 4 && *std::min_element(dims.begin(), dims.end()) > 0) {
    if (is_channels(dims[1])) return {dims[0], dims[2], dims[3], dims[1], true};
    if (is_channels(dims[3])) return {dims[0], dims[1], dims[2], dims[3], false};
  }
  std::vector<std::string> words;
  for (const int64_t length : dims) words.push_back(std::to_string(length));
  refuse(path, "has imgs of the shape [" + core::join(words, ", ") + "]");
}

std::vector<int64_t> read_labels(const Hdf5File& file, int64_t images, const std::string& path) {
  if (!file.has_dataset(kLabels)) return {};
  if (!file.is_integer(kLabels)) refuse(path, "has labels that are no whole numbers");
  if (file.shape(kLabels) != std::vector{images}) {
    refuse(path,
           "has labels of another number or shape than its " + std::to_string(images) + " images");
  }
  std::vector<int64_t> labels(static_cast<size_t>(images));
  file.read_rows(kLabels, Hdf5File::Type::kInt64, 0, images, labels.data());
  for (const int64_t label : labels) {
    if (label < -1 || label >= kMostClasses) {
      refuse(path, "has the label " + std::to_string(label));
    }
  }
  return labels;
}

class Hdf5Source final : public ImageSource {
 public:
  explicit Hdf5Source(const SourceRequest& request)
      : path_(request.input), file_(path_, Hdf5File::Mode::kRead) {
    if (!file_.has_dataset(kImages)) refuse(path_, "has no imgs");
    shape_ = shape_of(file_, path_);
    if (const std::string filter = file_.missing_filter(kImages); !filter.empty()) {
      throw core::UsageError(path_ + " is compressed with " + filter + ", which HDF5 lacks here",
                             "make it again without compression or with gzip");
    }
    rows_together_ = file_.rows_together(kImages);
    labels_ = read_labels(file_, shape_.images, path_);
    const int64_t classes =
        labels_.empty() ? 0 : *std::max_element(labels_.begin(), labels_.end()) + 1;
    if (classes > 0) class_names_ = names_of_numbers(classes, request, path_);
    if (classes == 0 && !request.classes.empty()) {
      throw core::UsageError("--classes names classes, and " + path_ + " has no labels",
                             "leave it out");
    }
  }

  int64_t size() const override { return shape_.images; }
  void read(int64_t index, Content& out) const override {
    out.is_encoded = false;
    out.image.height = shape_.height;
    out.image.width = shape_.width;
    out.image.channels = shape_.channels;
    out.image.pixels.resize(static_cast<size_t>(shape_.image_bytes()));
    try {
      if (rows_together_ > 1) {
        read_from_block(index, out.image.pixels);
      } else {
        read_alone(index, out.image.pixels);
      }
    } catch (const core::SystemError& error) {
      rethrow(error, place(index));
    }
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
    return "HDF5 file " + fs::path(path_).filename().string();
  }
  int64_t natural_channels() const override { return shape_.channels; }
  image::Fit natural_fit() const override { return image::Fit::kResize; }
  int64_t natural_size() const override {
    return shape_.height == shape_.width ? shape_.height : 0;
  }
  bool is_shuffled_by_default() const override { return false; }

 private:
  struct Block {
    int64_t first = -1;
    std::vector<uint8_t> images;
  };

  // Planes become pixels.
  void interleave(const uint8_t* from, std::vector<uint8_t>& pixels) const {
    if (!shape_.is_planar) {
      std::copy_n(from, pixels.size(), pixels.begin());
      return;
    }
    const int64_t plane = shape_.height * shape_.width;
    for (int64_t c = 0; c < shape_.channels; ++c) {
      for (int64_t i = 0; i < plane; ++i) {
        pixels[static_cast<size_t>(i * shape_.channels + c)] = from[c * plane + i];
      }
    }
  }

  void read_alone(int64_t index, std::vector<uint8_t>& pixels) const {
    std::vector<uint8_t> stored(pixels.size());
    file_.read_rows(kImages, Hdf5File::Type::kUint8, index, 1, stored.data());
    interleave(stored.data(), pixels);
  }

  // Threads that read in order are in one block, or in two at its end.
  void read_from_block(int64_t index, std::vector<uint8_t>& pixels) const {
    const int64_t first = index / rows_together_ * rows_together_;
    const std::lock_guard lock(mutex_);
    if (blocks_[0].first != first) std::swap(blocks_[0], blocks_[1]);
    Block& block = blocks_[0];
    if (block.first != first) {
      const int64_t count = std::min(rows_together_, shape_.images - first);
      block.first = -1;
      block.images.resize(static_cast<size_t>(count * shape_.image_bytes()));
      file_.read_rows(kImages, Hdf5File::Type::kUint8, first, count, block.images.data());
      block.first = first;
    }
    interleave(block.images.data() + (index - first) * shape_.image_bytes(), pixels);
  }

  std::string path_;
  Hdf5File file_;
  Shape shape_;
  int64_t rows_together_ = 1;
  std::vector<int64_t> labels_;
  std::vector<std::string> class_names_;
  mutable std::mutex mutex_;  // guards the blocks
  mutable std::array<Block, 2> blocks_;
};

}  // namespace

std::unique_ptr<ImageSource> open_hdf5(const SourceRequest& request) {
  try {
    return std::make_unique<Hdf5Source>(request);
  } catch (const core::SystemError& error) {
    rethrow(error, request.input);
  }
}

bool looks_like_hdf5(const std::string& path) {
  constexpr std::array<uint8_t, 8> kSignature = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  const FileBytes bytes(path);
  std::array<uint8_t, 8> start{};
  if (bytes.size() < static_cast<int64_t>(start.size())) return false;
  bytes.read_at(0, start);
  if (start != kSignature) return false;
  try {
    return Hdf5File(path, Hdf5File::Mode::kRead).has_dataset(kImages);
  } catch (const core::SystemError&) {
    return true;  // opening it says what is wrong
  }
}

}  // namespace bbg::data_prep
