#include "data/shard_reader.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "core/file_system.h"
#include "core/open_files.h"
#include "core/paths.h"
#include "data/file_descriptor.h"
#include "data/hdf5_file.h"
#include "data/open_files.h"
#include "data/shard_format.h"

namespace bbg::data {

namespace fs = std::filesystem;
using Type = Hdf5File::Type;

namespace {

constexpr const char* kRepairHint =
    "copy the file again or make the shards anew with data_prep shard; data_prep verify checks "
    "every byte";

struct Shard {
  ShardHeader header;
  std::string path;
  size_t file;  // its number among the open ones
  int64_t file_bytes;
  int64_t images_offset;
  std::vector<int64_t> labels;
  std::vector<uint64_t> checksums;
  std::unique_ptr<std::atomic<bool>[]> is_block_verified;
};

[[noreturn]] void throw_damaged(const std::string& path, const std::string& what) {
  throw core::UsageError(path + " is damaged: " + what, kRepairHint);
}

// Magic and version are read first: nothing else has a meaning before them.
void check_magic_and_version(const Hdf5File& file, const std::string& path) {
  if (!file.has_attribute(kMagicAttribute) || file.read_text(kMagicAttribute) != kMagic) {
    throw core::UsageError(path + " is an HDF5 file but not a shard of bbg_dist",
                           "make shards with data_prep shard");
  }
  const int64_t version = file.read_number(kVersionAttribute);
  if (version != kFormatVersion) {
    throw core::UsageError(path + " has shard format version " + std::to_string(version) +
                               ", this program reads version " + std::to_string(kFormatVersion),
                           "make the shards anew with this program's data_prep shard");
  }
  const std::string encoding = file.read_text(kEncodingAttribute);
  if (encoding != kEncodingRaw) {
    throw core::UsageError(
        path + " has encoding '" + encoding + "', this program reads '" + kEncodingRaw + "'",
        "make the shards anew with this program's data_prep shard");
  }
}

// Shapes are checked against the file before memory is taken by them.
void check_shapes(const Hdf5File& file, const ShardHeader& header, const FileDescriptor& raw) {
  const bool plain = file.is_plain(kImagesDataset, Type::kUint8) &&
                     file.is_plain(kLabelsDataset, Type::kInt64) &&
                     file.is_plain(kChecksumsDataset, Type::kUint64) &&
                     file.is_plain(kClassNamesDataset, Type::kUint8);
  if (!plain) throw_damaged(raw.path(), "a dataset is not of the format's type and layout");
  const int64_t file_bytes = raw.size();
  if (header.shard_samples <= 0 || header.sample_bytes() <= 0 || header.block_samples <= 0 ||
      header.shard_samples > file_bytes || header.sample_bytes() > file_bytes ||
      file.shape(kLabelsDataset) != std::vector<int64_t>{header.shard_samples} ||
      file.shape(kChecksumsDataset) != std::vector<int64_t>{header.num_blocks()} ||
      file.shape(kClassNamesDataset).size() != 1) {
    throw_damaged(raw.path(), "its datasets do not fit each other");
  }
  const int64_t end = file.offset(kImagesDataset) + header.shard_samples * header.sample_bytes();
  if (end > file_bytes) {
    throw core::UsageError(raw.path() + " is truncated: " + std::to_string(file_bytes) +
                               " bytes, its images end at " + std::to_string(end),
                           kRepairHint);
  }
}

// Other programs write shards too, with checksums that are right. Whoever reads a label trusts it.
void check_labels(const ShardHeader& header, std::span<const int64_t> labels,
                  const std::string& path) {
  const auto wrong = std::find_if(labels.begin(), labels.end(), [&](int64_t label) {
    return label < -1 || label >= header.num_classes;
  });
  if (wrong == labels.end()) return;
  throw_damaged(path, "its sample " + std::to_string(wrong - labels.begin()) + " has the label " +
                          std::to_string(*wrong) + " and the data set " +
                          std::to_string(header.num_classes) + " classes");
}

Shard describe_shard(const Hdf5File& file, FileDescriptor raw, OpenFiles& open) {
  const std::string path = raw.path();
  check_magic_and_version(file, path);
  const std::vector<int64_t> shape = file.shape(kImagesDataset);
  if (shape.size() != 4) throw_damaged(path, "its images are not [n, H, W, C]");
  ShardHeader header = {
      .encoding = file.read_text(kEncodingAttribute),
      .height = shape[1],
      .width = shape[2],
      .channels = shape[3],
      .num_samples = file.read_number(kNumSamplesAttribute),
      .shard_samples = shape[0],
      .first_index = file.read_number(kFirstIndexAttribute),
      .shard_index = file.read_number(kShardIndexAttribute),
      .shard_count = file.read_number(kShardCountAttribute),
      .num_classes = file.read_number(kNumClassesAttribute),
      .block_samples = file.read_number(kBlockSamplesAttribute),
      .class_names = {},
      .fingerprint = file.read_text(kFingerprintAttribute),
      .source = file.read_text(kSourceAttribute),
  };
  check_shapes(file, header, raw);
  const auto blocks = static_cast<size_t>(header.num_blocks());
  std::vector<int64_t> labels(static_cast<size_t>(header.shard_samples));
  std::vector<uint64_t> checksums(blocks);
  header.class_names.resize(static_cast<size_t>(file.shape(kClassNamesDataset)[0]));
  file.read_rows(kLabelsDataset, Type::kInt64, 0, header.shard_samples, labels.data());
  file.read_rows(kChecksumsDataset, Type::kUint64, 0, header.num_blocks(), checksums.data());
  file.read_rows(kClassNamesDataset, Type::kUint8, 0,
                 static_cast<int64_t>(header.class_names.size()), header.class_names.data());
  const uint64_t checksum = header_checksum(header, labels, checksums);
  if (file.read_text(kHeaderChecksumAttribute) != core::hex(checksum)) {
    throw_damaged(path, "the checksum of its header and labels is wrong");
  }
  check_labels(header, labels, path);
  const int64_t file_bytes = raw.size();
  return {.header = std::move(header),
          .path = path,
          .file = open.add(std::move(raw)),
          .file_bytes = file_bytes,
          .images_offset = file.offset(kImagesDataset),
          .labels = std::move(labels),
          .checksums = std::move(checksums),
          .is_block_verified = std::make_unique<std::atomic<bool>[]>(blocks)};
}

Shard open_shard(const std::string& path, OpenFiles& open) {
  FileDescriptor raw(path);
  try {
    return describe_shard(Hdf5File(path, Hdf5File::Mode::kRead), std::move(raw), open);
  } catch (const core::SystemError& error) {
    const std::string& cause = error.details().cause;
    if (error.details().code != 0) throw;  // the system refused: the file may be whole
    // HDF5's words for a file that is shorter than its superblock says.
    if (cause.starts_with("truncated file")) {
      throw core::UsageError(path + " is truncated (" + cause + ")", kRepairHint);
    }
    throw core::UsageError(
        path + " is damaged or not a shard (" + error.details().call + ": " + cause + ")",
        kRepairHint);
  }
}

std::vector<std::string> shard_paths(const std::string& path) {
  if (path.empty()) throw core::UsageError("no data set is given", "set data.shards to a folder");
  std::error_code error;
  if (fs::is_regular_file(path, error)) return {path};
  if (!core::make_posix_file_system()->exists(path) || !fs::is_directory(path, error)) {
    throw core::UsageError("data folder " + path + " does not exist",
                           "check the path, or make shards with data_prep shard --output " + path);
  }
  std::vector<std::string> paths;
  bool has_partial = false;
  for (const std::string& name : core::make_posix_file_system()->list(path)) {
    if (is_shard_file_name(name)) paths.push_back((fs::path(path) / name).string());
    has_partial |= core::is_partial(name);
  }
  if (paths.empty()) {
    throw core::UsageError(
        "data folder " + path + " has no shards (*-00000-of-00001.h5)" +
            (has_partial ? ", only partial ones: data_prep was interrupted" : ""),
        "make them with data_prep shard --output " + path);
  }
  return paths;
}

// All shards of one data set, each once. `shards` are sorted by index.
void check_complete(const std::vector<Shard>& shards) {
  const ShardHeader& first = shards.front().header;
  int64_t next_index = 0, next_sample = 0;
  for (const Shard& shard : shards) {
    const ShardHeader& header = shard.header;
    if (header.fingerprint != first.fingerprint || header.shard_count != first.shard_count ||
        header.num_samples != first.num_samples || header.class_names != first.class_names) {
      throw core::UsageError(
          shard.path + " belongs to another data set than " + shards.front().path,
          "keep one data set in a folder");
    }
    if (header.shard_index < next_index) {
      throw core::UsageError(shard.path + " is there twice, under two names", "remove one of them");
    }
    if (header.shard_index > next_index) break;
    if (header.first_index != next_sample) throw_damaged(shard.path, "wrong first_index");
    ++next_index;
    next_sample += header.shard_samples;
  }
  if (next_index != first.shard_count) {
    const fs::path path = shards.front().path;
    throw core::UsageError(
        "shard " + std::to_string(next_index) + " (counted from 0) of " +
            std::to_string(first.shard_count) + " is missing beside " + path.string(),
        "copy the missing files, name the whole folder, or make the shards anew with data_prep "
        "shard");
  }
  if (next_sample != first.num_samples) {
    throw_damaged(shards.front().path, "its data set has another number of samples");
  }
}

}  // namespace

class ShardSet::Impl final : public SampleSource {
 public:
  Impl(std::vector<Shard> shards, std::shared_ptr<const OpenFiles> open, bool verify_on_read)
      : shards_(std::make_shared<const std::vector<Shard>>(std::move(shards))),
        open_(std::move(open)),
        verify_on_read_(verify_on_read) {
    class_names_ = nlohmann::json::parse(header().class_names).get<std::vector<std::string>>();
  }

  // The same files, whose labels are read as others.
  Impl(const Impl& original, std::vector<int64_t> labels, std::vector<std::string> class_names)
      : shards_(original.shards_),
        open_(original.open_),
        verify_on_read_(original.verify_on_read_),
        class_names_(std::move(class_names)),
        labels_(std::move(labels)) {
    BBG_CHECK(std::ssize(labels_) == original.num_classes(), "a label for every class");
  }

  const ShardHeader& header() const { return shards_->front().header; }
  const std::vector<Shard>& shards() const { return *shards_; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  int64_t num_classes() const {
    return labels_.empty() ? header().num_classes : std::ssize(class_names_);
  }

  int64_t size() const override { return header().num_samples; }
  int64_t height() const override { return header().height; }
  int64_t width() const override { return header().width; }
  int64_t channels() const override { return header().channels; }
  int64_t label(int64_t index) const override {
    const int64_t stored = stored_label(index);
    return labels_.empty() || stored < 0 ? stored : labels_[static_cast<size_t>(stored)];
  }
  std::string file(int64_t index) const override { return shard_of(index).path; }

  void read(int64_t index, std::span<uint8_t> out) const override {
    const Shard& shard = shard_of(index);
    const int64_t bytes = shard.header.sample_bytes();
    BBG_CHECK(static_cast<int64_t>(out.size()) == bytes, "buffer of another size than a sample");
    const int64_t place = index - shard.header.first_index;
    const int64_t block = place / shard.header.block_samples;
    if (!verify_on_read_ || shard.is_block_verified[static_cast<size_t>(block)]) {
      open_->read_at(shard.file, shard.images_offset + place * bytes, out);
      return;
    }
    // The sample comes from the very bytes that were checked.
    const std::vector<uint8_t> pixels = read_checked(shard, block);
    const int64_t begin = (place - block * shard.header.block_samples) * bytes;
    std::copy_n(pixels.begin() + begin, bytes, out.begin());
  }

  void verify(const std::function<void(int64_t, int64_t)>& progress) const {
    Fingerprint fingerprint(height(), width(), channels());
    const auto bytes = static_cast<size_t>(header().sample_bytes());
    int64_t done = 0;
    for (const Shard& shard : *shards_) {
      for (int64_t block = 0; block < shard.header.num_blocks(); ++block) {
        const std::vector<uint8_t> pixels = read_checked(shard, block);
        for (size_t begin = 0; begin < pixels.size(); begin += bytes) {
          fingerprint.add({pixels.data() + begin, bytes}, stored_label(done++));
        }
        if (progress) progress(done, size());
      }
    }
    if (fingerprint.text() != header().fingerprint) {
      throw_damaged(shards_->front().path, "the samples' fingerprint is " + fingerprint.text() +
                                               ", not the stated " + header().fingerprint);
    }
  }

 private:
  const Shard& shard_of(int64_t index) const {
    BBG_CHECK(index >= 0 && index < size(), "no sample " + std::to_string(index));
    const auto after = std::upper_bound(
        shards_->begin(), shards_->end(), index,
        [](int64_t value, const Shard& shard) { return value < shard.header.first_index; });
    return *std::prev(after);
  }

  int64_t stored_label(int64_t index) const {
    const Shard& shard = shard_of(index);
    return shard.labels[static_cast<size_t>(index - shard.header.first_index)];
  }

  std::vector<uint8_t> read_checked(const Shard& shard, int64_t block) const {
    const ShardHeader& header = shard.header;
    const int64_t first = block * header.block_samples;
    const int64_t count = std::min(header.block_samples, header.shard_samples - first);
    std::vector<uint8_t> pixels(static_cast<size_t>(count * header.sample_bytes()));
    open_->read_at(shard.file, shard.images_offset + first * header.sample_bytes(), pixels);
    if (block_checksum(pixels) != shard.checksums[static_cast<size_t>(block)]) {
      throw_damaged(shard.path, "the checksum of block " + std::to_string(block) + " (samples " +
                                    std::to_string(header.first_index + first) + " to " +
                                    std::to_string(header.first_index + first + count - 1) +
                                    ") is wrong");
    }
    shard.is_block_verified[static_cast<size_t>(block)] = true;
    return pixels;
  }

  std::shared_ptr<const std::vector<Shard>> shards_;  // shared with sets of other labels
  std::shared_ptr<const OpenFiles> open_;
  bool verify_on_read_;
  std::vector<std::string> class_names_;
  std::vector<int64_t> labels_;  // new number by stored one; empty: as stored
};

ShardSet::ShardSet(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

ShardSet ShardSet::open(const std::string& path, bool verify_on_read) {
  // Besides this data set there may be another, of test images; the rest is for all else.
  auto open = std::make_unique<OpenFiles>(core::open_file_limit() / 4);
  std::vector<Shard> shards;
  for (const std::string& file : shard_paths(path)) shards.push_back(open_shard(file, *open));
  std::sort(shards.begin(), shards.end(), [](const Shard& a, const Shard& b) {
    return a.header.shard_index < b.header.shard_index;
  });
  check_complete(shards);
  return ShardSet(std::make_shared<Impl>(std::move(shards), std::move(open), verify_on_read));
}

int64_t ShardSet::size() const { return impl_->size(); }
int64_t ShardSet::height() const { return impl_->height(); }
int64_t ShardSet::width() const { return impl_->width(); }
int64_t ShardSet::channels() const { return impl_->channels(); }
int64_t ShardSet::num_classes() const { return impl_->num_classes(); }
const std::vector<std::string>& ShardSet::class_names() const { return impl_->class_names(); }
const std::string& ShardSet::fingerprint() const { return impl_->header().fingerprint; }
const std::string& ShardSet::source_text() const { return impl_->header().source; }

ShardSet ShardSet::relabelled(std::vector<int64_t> labels,
                              std::vector<std::string> class_names) const {
  return ShardSet(std::make_shared<Impl>(*impl_, std::move(labels), std::move(class_names)));
}

std::vector<std::string> ShardSet::files() const {
  std::vector<std::string> paths;
  for (const Shard& shard : impl_->shards()) paths.push_back(shard.path);
  return paths;
}

int64_t ShardSet::file_bytes() const {
  int64_t bytes = 0;
  for (const Shard& shard : impl_->shards()) bytes += shard.file_bytes;
  return bytes;
}

void ShardSet::read(int64_t index, std::span<uint8_t> out) const { impl_->read(index, out); }
int64_t ShardSet::label(int64_t index) const { return impl_->label(index); }
std::optional<int64_t> ShardSet::first_without_label(int64_t first, int64_t count) const {
  for (int64_t i = first; i < first + count; ++i) {
    if (label(i) < 0) return i;
  }
  return std::nullopt;
}
std::string ShardSet::file(int64_t index) const { return impl_->file(index); }
void ShardSet::verify(const std::function<void(int64_t, int64_t)>& progress) const {
  impl_->verify(progress);
}
std::shared_ptr<const SampleSource> ShardSet::source() const { return impl_; }

}  // namespace bbg::data
