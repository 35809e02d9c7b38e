#include "data_prep/sources/cifar_source.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "core/error.h"
#include "core/file_system.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

// The binary version of CIFAR-10 and CIFAR-100 (Krizhevsky, the CIFAR page): records without a
// header. Each has its labels, one byte each, and then the planes R, G and B of 32 rows of 32.
constexpr int64_t kSide = 32, kPlaneBytes = kSide * kSide, kImageBytes = 3 * kPlaneBytes;

struct Layout {
  const char *name, *format;
  int64_t num_superclasses;  // 0: no such byte; else it comes first, and is not used
  int64_t num_classes;
  const char *train_file, *test_file, *names_file;

  int64_t label_bytes() const { return num_superclasses > 0 ? 2 : 1; }
  int64_t record_bytes() const { return label_bytes() + kImageBytes; }
};

constexpr Layout kCifar10 = {.name = "CIFAR-10",
                             .format = "cifar10",
                             .num_superclasses = 0,
                             .num_classes = 10,
                             .train_file = "data_batch_1.bin",  // and so on
                             .test_file = "test_batch.bin",
                             .names_file = "batches.meta.txt"};
constexpr Layout kCifar100 = {.name = "CIFAR-100",
                              .format = "cifar100",
                              .num_superclasses = 20,
                              .num_classes = 100,
                              .train_file = "train.bin",
                              .test_file = "test.bin",
                              .names_file = "fine_label_names.txt"};

const Layout& layout_of(CifarKind kind) { return kind == CifarKind::k10 ? kCifar10 : kCifar100; }
const Layout& other_than(const Layout& layout) {
  return &layout == &kCifar10 ? kCifar100 : kCifar10;
}

bool fits(int64_t bytes, const Layout& layout) {
  return bytes > 0 && bytes % layout.record_bytes() == 0;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// One file, all of it in memory.
struct Batch {
  std::string path, bytes;
  int64_t first = 0, count = 0;  // indices of its records
};

class CifarSource final : public ImageSource {
 public:
  // `files` are in `folder`, which may have the names of classes too.
  CifarSource(const Layout& layout, const fs::path& folder, const std::vector<std::string>& files,
              const std::string& origin)
      : layout_(layout), description_(std::string(layout.name) + " " + origin) {
    for (const std::string& file : files) add((folder / file).string());
    read_class_names((folder / layout_.names_file).string());
  }

  int64_t size() const override { return batches_.back().first + batches_.back().count; }

  void read(int64_t index, Content& out) const override {
    const uint8_t* const planes = record(index) + layout_.label_bytes();
    out.is_encoded = false;
    out.image.height = out.image.width = kSide;
    out.image.channels = 3;
    out.image.pixels.resize(kImageBytes);
    for (int64_t i = 0; i < kPlaneBytes; ++i) {
      for (int64_t c = 0; c < 3; ++c) {
        out.image.pixels[static_cast<size_t>(3 * i + c)] = planes[c * kPlaneBytes + i];
      }
    }
  }

  int64_t label(int64_t index) const override { return record(index)[layout_.label_bytes() - 1]; }
  std::string name(int64_t index) const override {
    const Batch& batch = batch_of(index);
    return fs::path(batch.path).filename().string() + ":" + std::to_string(index - batch.first);
  }
  std::string place(int64_t index) const override {
    const Batch& batch = batch_of(index);
    return batch.path + ": record " + std::to_string(index - batch.first);
  }
  int64_t bytes(int64_t) const override { return -1; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  std::string description() const override { return description_; }
  int64_t natural_channels() const override { return 3; }
  image::Fit natural_fit() const override { return image::Fit::kResize; }
  int64_t natural_size() const override { return kSide; }
  bool is_shuffled_by_default() const override { return false; }

 private:
  void add(const std::string& path) {
    Batch batch{.path = path, .bytes = core::make_posix_file_system()->read(path)};
    const auto bytes = static_cast<int64_t>(batch.bytes.size());
    const Layout& other = other_than(layout_);
    const std::string hint = fits(bytes, other)
                                 ? std::string("its size is that of --format ") + other.format
                                 : "fetch the file again, of the binary version";
    if (!fits(bytes, layout_)) {
      throw core::UsageError(
          path + (bytes == 0 ? " is empty"
                             : " is truncated or not of " + std::string(layout_.name) + ": " +
                                   std::to_string(bytes) + " bytes are not a multiple of " +
                                   std::to_string(layout_.record_bytes())),
          hint);
    }
    batch.first = batches_.empty() ? 0 : size();
    batch.count = bytes / layout_.record_bytes();
    batches_.push_back(std::move(batch));
    for (int64_t i = batches_.back().first; i < size(); ++i) {
      const uint8_t superclass = record(i)[0];
      const bool is_known = layout_.num_superclasses == 0 || superclass < layout_.num_superclasses;
      if (is_known && label(i) < layout_.num_classes) continue;
      throw core::UsageError(
          place(i) + " has " +
              (is_known ? "label " + std::to_string(label(i))
                        : "superclass " + std::to_string(superclass)) +
              "; " + layout_.name + " has 0 to " +
              std::to_string((is_known ? layout_.num_classes : layout_.num_superclasses) - 1),
          hint);
    }
  }

  void read_class_names(const std::string& path) {
    if (is_there(path)) {
      std::istringstream lines(core::make_posix_file_system()->read(path));
      for (std::string line; std::getline(lines, line);) {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
        if (!line.empty()) class_names_.push_back(line);
      }
      if (static_cast<int64_t>(class_names_.size()) != layout_.num_classes) {
        throw core::UsageError(path + " has " + std::to_string(class_names_.size()) + " names; " +
                                   layout_.name + " has " + std::to_string(layout_.num_classes) +
                                   " classes",
                               "fetch the file again, or take it away: then numbers are the names");
      }
    } else {
      for (int64_t i = 0; i < layout_.num_classes; ++i) class_names_.push_back(std::to_string(i));
    }
  }

  const Batch& batch_of(int64_t index) const {
    size_t i = batches_.size() - 1;
    while (index < batches_[i].first) --i;
    return batches_[i];
  }
  const uint8_t* record(int64_t index) const {
    const Batch& batch = batch_of(index);
    return reinterpret_cast<const uint8_t*>(batch.bytes.data()) +
           (index - batch.first) * layout_.record_bytes();
  }

  const Layout& layout_;
  const std::string description_;
  std::vector<Batch> batches_;
  std::vector<std::string> class_names_;
};

// Those that are there. data_batch_1.bin and so on come in the order of their numbers, without
// gaps.
std::vector<std::string> files_of(const fs::path& folder, const Layout& layout, bool is_test) {
  if (is_test || &layout == &kCifar100) {
    const std::string name = is_test ? layout.test_file : layout.train_file;
    return is_there(folder / name) ? std::vector{name} : std::vector<std::string>();
  }
  std::vector<std::string> names;
  for (const std::string& name : core::make_posix_file_system()->list(folder.string())) {
    if (name.starts_with("data_batch_") && name.ends_with(".bin")) names.push_back(name);
  }
  std::stable_sort(names.begin(), names.end(),
                   [](const auto& a, const auto& b) { return a.size() < b.size(); });
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string expected = "data_batch_" + std::to_string(i + 1) + ".bin";
    if (names[i] != expected) {
      throw core::UsageError(folder.string() + " has " + names[i] + " but not " + expected,
                             "fetch what is missing, or name a single file");
    }
  }
  return names;
}

bool could_be(const fs::path& path, const Layout& layout) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return is_there(path / layout.names_file) &&
           (is_there(path / layout.train_file) || is_there(path / layout.test_file));
  }
  const auto bytes = static_cast<int64_t>(fs::file_size(path, error));
  return !error && path.extension() == ".bin" && fits(bytes, layout);
}

}  // namespace

bool could_be_cifar(const std::string& path, CifarKind kind) {
  return could_be(path, layout_of(kind));
}

std::unique_ptr<ImageSource> open_cifar(const SourceRequest& request, CifarKind kind) {
  const Layout& layout = layout_of(kind);
  const fs::path place(request.input);
  std::error_code error;
  if (!fs::is_directory(place, error)) {
    if (!request.split.empty()) {
      throw core::UsageError("--split belongs to a folder of CIFAR's files",
                             "name the folder, with --format cifar10 or cifar100");
    }
    const std::string file = place.filename().string();
    return std::make_unique<CifarSource>(layout, place.parent_path(), std::vector{file},
                                         "file " + file);
  }
  const bool is_test = request.split == "test";
  const std::vector<std::string> files = files_of(place, layout, is_test);
  if (files.empty()) {
    throw core::UsageError(
        request.input + " has no " + (is_test ? layout.test_file : layout.train_file),
        std::string("name a folder of the binary version of ") + layout.name +
            " or one of its files; --split train or test says which part of the folder");
  }
  return std::make_unique<CifarSource>(
      layout, place, files,
      "folder " + fs::canonical(place).filename().string() + (is_test ? ", test" : ", train"));
}

}  // namespace bbg::data_prep
