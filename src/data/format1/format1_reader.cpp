#include "data/format1/format1_reader.h"

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "core/open_files.h"
#include "data/damaged_file.h"
#include "data/file_descriptor.h"
#include "data/format1/format1.h"
#include "data/hdf5_file.h"
#include "data/open_files.h"

namespace bbg::data::format1 {

using Type = Hdf5File::Type;

using Shard = Reader::Shard;

namespace {

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
    throw_unreadable(path, error);
  }
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
    const std::string& path = shards.front().path;
    throw core::UsageError(
        "shard " + std::to_string(next_index) + " (counted from 0) of " +
            std::to_string(first.shard_count) + " is missing beside " + path,
        "copy the missing files, name the whole folder, or make the shards anew with data_prep "
        "shard");
  }
  if (next_sample != first.num_samples) {
    throw_damaged(shards.front().path, "its data set has another number of samples");
  }
}

}  // namespace

Reader::Reader(const std::vector<std::string>& paths)
    : open_(std::make_unique<OpenFiles>(core::open_file_limit() / 4)) {
  for (const std::string& path : paths) shards_.push_back(open_shard(path, *open_));
  std::sort(shards_.begin(), shards_.end(), [](const Shard& a, const Shard& b) {
    return a.header.shard_index < b.header.shard_index;
  });
  check_complete(shards_);
  class_names_ = nlohmann::json::parse(header().class_names).get<std::vector<std::string>>();
}

void Reader::read_pixels(int64_t index, std::span<uint8_t> out, Check check) const {
  const Shard& shard = shard_of(index);
  const int64_t bytes = shard.header.sample_bytes();
  BBG_CHECK(static_cast<int64_t>(out.size()) == bytes, "buffer of another size than a sample");
  const int64_t place = index - shard.header.first_index;
  const int64_t block = place / shard.header.block_samples;
  if (check == Check::kTrust || shard.is_block_verified[static_cast<size_t>(block)]) {
    open_->read_at(shard.file, shard.images_offset + place * bytes, out);
    return;
  }
  // The sample comes from the very bytes that were checked.
  const std::vector<uint8_t> pixels = read_block(shard, block);
  const int64_t begin = (place - block * shard.header.block_samples) * bytes;
  std::copy_n(pixels.begin() + begin, bytes, out.begin());
}

std::span<const uint8_t> Reader::read(int64_t index, std::vector<uint8_t>& buffer,
                                      Check check) const {
  const int64_t bytes = header().sample_bytes();
  if (std::ssize(buffer) < bytes) buffer.resize(static_cast<size_t>(bytes));
  const std::span<uint8_t> pixels = std::span(buffer).first(static_cast<size_t>(bytes));
  read_pixels(index, pixels, check);
  return pixels;
}

int64_t Reader::label(int64_t index) const {
  const Shard& shard = shard_of(index);
  return shard.labels[static_cast<size_t>(index - shard.header.first_index)];
}

std::string Reader::file(int64_t index) const { return shard_of(index).path; }

std::vector<std::string> Reader::verify(
    const std::function<void(int64_t, int64_t)>& progress) const {
  std::vector<std::string> problems;
  Fingerprint fingerprint(height(), width(), channels());
  const auto bytes = static_cast<size_t>(header().sample_bytes());
  int64_t done = 0;
  for (const Shard& shard : shards_) {
    for (int64_t block = 0; block < shard.header.num_blocks(); ++block) {
      std::vector<uint8_t> pixels;
      try {
        pixels = read_block(shard, block);
      } catch (const core::UsageError& error) {
        problems.push_back(error.what());
        done += std::min(shard.header.block_samples,
                         shard.header.shard_samples - block * shard.header.block_samples);
      }
      for (size_t begin = 0; begin < pixels.size(); begin += bytes) {
        fingerprint.add({pixels.data() + begin, bytes}, label(done++));
      }
      if (progress) progress(done, size());
    }
  }
  if (problems.empty() && fingerprint.text() != header().fingerprint) {
    problems.push_back(shards_.front().path + " is damaged: the samples' fingerprint is " +
                       fingerprint.text() + ", not the stated " + header().fingerprint);
  }
  return problems;
}

std::vector<std::string> Reader::files() const {
  std::vector<std::string> paths;
  for (const Shard& shard : shards_) paths.push_back(shard.path);
  return paths;
}

int64_t Reader::file_bytes() const {
  int64_t bytes = 0;
  for (const Shard& shard : shards_) bytes += shard.file_bytes;
  return bytes;
}

const Reader::Shard& Reader::shard_of(int64_t index) const {
  BBG_CHECK(index >= 0 && index < size(), "no sample " + std::to_string(index));
  const auto after = std::upper_bound(
      shards_.begin(), shards_.end(), index,
      [](int64_t value, const Shard& shard) { return value < shard.header.first_index; });
  return *std::prev(after);
}

std::vector<uint8_t> Reader::read_block(const Shard& shard, int64_t block) const {
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

}  // namespace bbg::data::format1
