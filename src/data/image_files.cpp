#include "data/image_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "core/error.h"
#include "core/file_system.h"
#include "image/codec/image_format.h"

namespace bbg::data {

namespace {

namespace fs = std::filesystem;

constexpr size_t kEnoughToRecognise = 32;

std::vector<uint8_t> read_file(const std::string& path, size_t most) {
  const std::optional<std::string> content = core::try_read(path);
  if (!content) {
    throw core::UsageError("the image " + path + " cannot be read",
                           "make it readable, or move it away");
  }
  return {content->begin(),
          content->begin() + static_cast<std::ptrdiff_t>(std::min(content->size(), most))};
}

bool is_image(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  uint8_t head[kEnoughToRecognise] = {};
  file.read(reinterpret_cast<char*>(head), sizeof head);
  return image::recognise_format({head, static_cast<size_t>(file.gcount())}).has_value();
}

class ImageFiles final : public SampleSource {
 public:
  ImageFiles(std::string folder, std::vector<std::string> names, int64_t channels)
      : folder_(std::move(folder)), names_(std::move(names)), channels_(channels) {}

  int64_t size() const override { return std::ssize(names_); }
  Encoding encoding() const override { return Encoding::kJpeg; }
  int64_t height() const override { return 0; }
  int64_t width() const override { return 0; }
  int64_t channels() const override { return channels_; }

  void read_pixels(int64_t, std::span<uint8_t>, Check) const override {
    BBG_CHECK(false, "files are decoded by who reads them");
  }
  std::span<const uint8_t> read(int64_t index, std::vector<uint8_t>& buffer, Check) const override {
    buffer = read_file(file(index), SIZE_MAX);
    return buffer;
  }
  int64_t label(int64_t) const override { return -1; }
  std::string file(int64_t index) const override {
    return folder_.empty() ? name(index) : folder_ + "/" + name(index);
  }
  std::string name(int64_t index) const override { return names_[static_cast<size_t>(index)]; }

 private:
  const std::string folder_;
  const std::vector<std::string> names_;
  const int64_t channels_;
};

}  // namespace

std::shared_ptr<const SampleSource> open_image_files(const std::string& folder, int64_t channels) {
  std::error_code unknown;
  if (!fs::is_directory(folder, unknown)) {
    throw core::UsageError("there is no folder " + folder,
                           "give a data set that data_prep made, or a folder of images");
  }
  std::vector<std::string> names;
  using Walk = fs::recursive_directory_iterator;
  for (const auto& entry : Walk(folder, fs::directory_options::follow_directory_symlink)) {
    if (!entry.is_regular_file(unknown) || !is_image(entry.path().string())) continue;
    names.push_back(entry.path().lexically_relative(folder).string());
  }
  if (names.empty()) {
    throw core::UsageError("the folder " + folder + " has no image that can be read",
                           "JPEG, PNG and WebP are");
  }
  std::sort(names.begin(), names.end());
  return std::make_shared<const ImageFiles>(folder, std::move(names), channels);
}

std::shared_ptr<const SampleSource> open_image_files(const std::vector<std::string>& paths,
                                                     int64_t channels) {
  for (const std::string& path : paths) {
    if (is_image(path)) continue;
    std::error_code unknown;
    throw core::UsageError(fs::exists(path, unknown) ? path + " is no image that can be read"
                                                     : "there is no image " + path,
                           "JPEG, PNG and WebP are");
  }
  return std::make_shared<const ImageFiles>("", paths, channels);
}

bool is_data_set(const std::string& path) {
  std::error_code unknown;
  if (!fs::is_directory(path, unknown)) return fs::exists(path, unknown);
  if (fs::exists(fs::path(path) / "dataset.json", unknown)) return true;
  for (const auto& entry : fs::directory_iterator(path, unknown)) {
    if (entry.path().extension() == ".h5") return true;
  }
  return false;
}

}  // namespace bbg::data
