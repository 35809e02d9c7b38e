#include "tests/support/format1_writer.h"

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/file_system.h"
#include "core/paths.h"
#include "data/file_descriptor.h"
#include "data/format1/format1.h"
#include "data/hdf5_file.h"

namespace bbg::data::format1 {

namespace fs = std::filesystem;
using Type = Hdf5File::Type;

namespace {

std::string shard_file_name(const std::string& name, int64_t index, int64_t count) {
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, "-%05lld-of-%05lld.h5", static_cast<long long>(index),
                static_cast<long long>(count));
  return name + numbers;
}

}  // namespace

struct Writer::State {
  struct Shard {
    std::string partial_path;
    int64_t first_index, capacity;
    int64_t samples = 0;  // in the file; those of the open block come later
    std::vector<int64_t> labels;
    std::vector<uint64_t> checksums;
  };

  WriterOptions options;
  std::unique_ptr<core::FileSystem> files = core::make_posix_file_system();
  int64_t sample_bytes, block_samples;
  Fingerprint fingerprint;
  int64_t num_samples = 0;
  bool is_closed = false;

  std::vector<Shard> shards;     // the last one is open while `file` has a value
  std::optional<Hdf5File> file;  //
  std::vector<uint8_t> block;    // pixels not yet in the file

  explicit State(const WriterOptions& given)
      : options(given),
        sample_bytes(given.height * given.width * given.channels),
        block_samples(block_samples_for(std::max<int64_t>(1, sample_bytes))),
        fingerprint(given.height, given.width, given.channels) {}

  std::string partial_path(int64_t index) const {
    const std::string name = options.name + "-" + std::to_string(index) + ".h5";
    return core::partial_path((fs::path(options.folder) / name).string());
  }

  // The first sample of shard i of a whole that is as even as it can be.
  int64_t first_of_shard(int64_t index) const {
    return options.max_samples * index / options.shard_count;
  }

  void open_shard() {
    const auto index = static_cast<int64_t>(shards.size());
    shards.push_back({.partial_path = partial_path(index),
                      .first_index = num_samples,
                      .capacity = first_of_shard(index + 1) - first_of_shard(index),
                      .labels = {},
                      .checksums = {}});
    file.emplace(shards.back().partial_path, Hdf5File::Mode::kCreate);
    create_datasets(*file, shards.back().capacity);
  }

  void create_datasets(Hdf5File& target, int64_t samples) const {
    target.create_dataset(kImagesDataset, Type::kUint8,
                          {samples, options.height, options.width, options.channels});
    target.create_dataset(kLabelsDataset, Type::kInt64, {samples});
  }

  void flush_block() {
    if (block.empty()) return;
    Shard& shard = shards.back();
    const int64_t count = static_cast<int64_t>(block.size()) / sample_bytes;
    file->write_rows(kImagesDataset, Type::kUint8, shard.samples, count, block.data());
    shard.checksums.push_back(block_checksum(block));
    shard.samples += count;
    block.clear();
  }

  void finish_shard() {
    flush_block();
    file->close();
    file.reset();
    if (shards.back().samples < shards.back().capacity) shrink(shards.back());
  }

  // A contiguous dataset cannot be cut, so a shard that got fewer samples than planned is copied.
  void shrink(Shard& shard) const {
    const std::string full_path = shard.partial_path + ".full";
    files->rename(shard.partial_path, full_path);
    {
      const Hdf5File from(full_path, Hdf5File::Mode::kRead);
      Hdf5File to(shard.partial_path, Hdf5File::Mode::kCreate);
      create_datasets(to, shard.samples);
      std::vector<uint8_t> pixels(static_cast<size_t>(block_samples * sample_bytes));
      for (int64_t first = 0; first < shard.samples; first += block_samples) {
        const int64_t count = std::min(block_samples, shard.samples - first);
        from.read_rows(kImagesDataset, Type::kUint8, first, count, pixels.data());
        to.write_rows(kImagesDataset, Type::kUint8, first, count, pixels.data());
      }
      to.close();
    }
    files->remove_all(full_path);
    shard.capacity = shard.samples;
  }

  // Size and fingerprint of the data set are known only at the end. Until then the file has no
  // magic and is no shard to any reader.
  void write_header(int64_t index) const {
    const Shard& shard = shards[static_cast<size_t>(index)];
    const ShardHeader header = {
        .height = options.height,
        .width = options.width,
        .channels = options.channels,
        .num_samples = num_samples,
        .shard_samples = shard.samples,
        .first_index = shard.first_index,
        .shard_index = index,
        .shard_count = static_cast<int64_t>(shards.size()),
        .num_classes = static_cast<int64_t>(options.class_names.size()),
        .block_samples = block_samples,
        .class_names = nlohmann::json(options.class_names)
                           .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace),
        .fingerprint = fingerprint.text(),
        .source = options.source,
    };
    Hdf5File target(shard.partial_path, Hdf5File::Mode::kUpdate);
    target.write_rows(kLabelsDataset, Type::kInt64, 0, shard.samples, shard.labels.data());
    target.create_dataset(kChecksumsDataset, Type::kUint64, {header.num_blocks()});
    target.write_rows(kChecksumsDataset, Type::kUint64, 0, header.num_blocks(),
                      shard.checksums.data());
    const auto name_bytes = static_cast<int64_t>(header.class_names.size());
    target.create_dataset(kClassNamesDataset, Type::kUint8, {name_bytes});
    target.write_rows(kClassNamesDataset, Type::kUint8, 0, name_bytes, header.class_names.data());
    target.write_attribute(kVersionAttribute, kFormatVersion);
    target.write_attribute(kEncodingAttribute, header.encoding);
    target.write_attribute(kNumSamplesAttribute, header.num_samples);
    target.write_attribute(kFirstIndexAttribute, header.first_index);
    target.write_attribute(kShardIndexAttribute, header.shard_index);
    target.write_attribute(kShardCountAttribute, header.shard_count);
    target.write_attribute(kNumClassesAttribute, header.num_classes);
    target.write_attribute(kBlockSamplesAttribute, header.block_samples);
    target.write_attribute(kFingerprintAttribute, header.fingerprint);
    target.write_attribute(kSourceAttribute, header.source);
    target.write_attribute(kHeaderChecksumAttribute,
                           core::hex(header_checksum(header, shard.labels, shard.checksums)));
    target.write_attribute(kMagicAttribute, std::string(kMagic));
    target.close();
    FileDescriptor(shard.partial_path).sync();
  }
};

Writer::Writer(const WriterOptions& options) : state_(std::make_unique<State>(options)) {
  BBG_CHECK(options.height > 0 && options.width > 0 && options.channels > 0, "empty images");
  BBG_CHECK(options.shard_count > 0 && options.shard_count <= options.max_samples,
            "more shards than samples");
  state_->files->create_folders(options.folder);
}

Writer::~Writer() {
  if (state_->is_closed) return;
  state_->file.reset();
  for (const State::Shard& shard : state_->shards) {
    std::error_code ignored;  // a destructor may not throw, and a partial file harms nobody
    fs::remove(shard.partial_path, ignored);
    fs::remove(shard.partial_path + ".full", ignored);
  }
}

void Writer::add(std::span<const uint8_t> pixels, int64_t label) {
  State& state = *state_;
  BBG_CHECK(static_cast<int64_t>(pixels.size()) == state.sample_bytes, "sample of another size");
  BBG_CHECK(label >= -1 && label < static_cast<int64_t>(state.options.class_names.size()),
            "label without a class name");
  BBG_CHECK(state.num_samples < state.options.max_samples, "more samples than announced");
  if (!state.file) state.open_shard();
  state.block.insert(state.block.end(), pixels.begin(), pixels.end());
  State::Shard& shard = state.shards.back();
  shard.labels.push_back(label);
  state.fingerprint.add(pixels, label);
  ++state.num_samples;
  const auto in_shard = static_cast<int64_t>(shard.labels.size());
  if (in_shard == shard.capacity) {
    state.finish_shard();
  } else if (in_shard - shard.samples == state.block_samples) {
    state.flush_block();
  }
}

std::vector<std::string> Writer::close() {
  State& state = *state_;
  BBG_CHECK(state.num_samples > 0, "a data set without samples");
  if (state.file) state.finish_shard();
  const auto count = static_cast<int64_t>(state.shards.size());
  for (int64_t index = 0; index < count; ++index) state.write_header(index);
  std::vector<std::string> paths;
  for (int64_t index = 0; index < count; ++index) {
    const fs::path path =
        fs::path(state.options.folder) / shard_file_name(state.options.name, index, count);
    state.files->rename(state.shards[static_cast<size_t>(index)].partial_path, path.string());
    paths.push_back(path.string());
  }
  state.files->sync_folder(state.options.folder);
  state.is_closed = true;
  return paths;
}

std::string Writer::fingerprint() const { return state_->fingerprint.text(); }

}  // namespace bbg::data::format1
