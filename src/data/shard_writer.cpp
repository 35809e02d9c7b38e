#include "data/shard_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/file_system.h"
#include "core/paths.h"
#include "core/unique_handle.h"
#include "data/file_descriptor.h"
#include "data/hdf5_file.h"
#include "data/shard_format.h"
#include "data/shard_layout.h"

namespace bbg::data {

namespace fs = std::filesystem;
using Type = Hdf5File::Type;
using Json = nlohmann::ordered_json;

namespace {

constexpr int64_t kCopyBytes = 1 << 20;

void write_at(int descriptor, const std::string& path, int64_t offset,
              std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(descriptor, bytes.data(), bytes.size(), offset);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw core::posix_error("pwrite", path);
    offset += done;
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
}

}  // namespace

struct ShardWriter::State {
  std::string path;
  Key key;
  std::string partial = core::partial_path(path);
  core::Descriptor file;
  int64_t data_bytes = 0;
  std::vector<int64_t> labels, offsets = {0}, name_offsets = {0};
  std::vector<uint64_t> digests;
  std::string names;
  Json left_out = Json::array();
  bool is_closed = false;

  State(std::string the_path, const Key& the_key) : path(std::move(the_path)), key(the_key) {}

  std::string structure_path() const { return partial + ".structure"; }

  template <class T>
  static void add(Hdf5File& target, const char* name, Type type, const T& values) {
    const auto count = static_cast<int64_t>(values.size());
    target.create_dataset(name, type, {count});
    if (count > 0) target.write_rows(name, type, 0, count, values.data());
  }

  // All but the samples, for which it has a hole: where HDF5 puts what depends on their sizes,
  // which are known only at the end.
  std::string write_structure() const {
    const auto samples = std::ssize(labels);
    const std::string left_out_text = left_out.dump(-1, ' ', false, Json::error_handler_t::replace);
    const std::string digest = shard_digest(
        digests, names, samples > 0 ? std::span(name_offsets) : std::span<const int64_t>(),
        left_out_text);
    Hdf5File target(structure_path(), Hdf5File::Mode::kCreate);
    if (samples > 0 && key.encoding == Encoding::kRaw) {
      target.create_dataset(kImagesDataset, Type::kUint8,
                            {samples, key.height, key.width, key.channels});
    } else if (samples > 0) {
      target.create_dataset(kBytesDataset, Type::kUint8, {data_bytes});
      add(target, kOffsetsDataset, Type::kInt64, offsets);
    }
    if (samples > 0) {
      add(target, kLabelsDataset, Type::kInt64, labels);
      add(target, kDigestsDataset, Type::kUint64, digests);
      add(target, kNamesDataset, Type::kUint8, names);
      add(target, kNameOffsetsDataset, Type::kInt64, name_offsets);
    }
    add(target, kLeftOutDataset, Type::kUint8, left_out_text);
    target.write_attribute(kVersionAttribute, kFormatVersion);
    target.write_attribute(kEncodingAttribute, core::word_of(kEncodings, key.encoding));
    target.write_attribute(kChannelsAttribute, key.channels);
    target.write_attribute(kSamplesAttribute, samples);
    target.write_attribute(kPlanAttribute, key.plan);
    target.write_attribute(kDigestAttribute, digest);
    target.write_attribute(kMagicAttribute, std::string(kMagic));
    target.close();
    return digest;
  }

  // Samples were written from kAlignment on, where HDF5 puts the first data set of some size. Those
  // of a small one may have to move.
  void move_samples(int64_t to) {
    if (to == kAlignment || data_bytes == 0) return;
    const FileDescriptor from(partial);
    std::vector<uint8_t> bytes(static_cast<size_t>(std::min(data_bytes, kCopyBytes)));
    for (int64_t done = 0; done < data_bytes;) {
      const int64_t count = std::min(std::ssize(bytes), data_bytes - done);
      // Towards the end the last piece goes first, so that none is overwritten before it has moved.
      const int64_t first = to < kAlignment ? done : data_bytes - done - count;
      const std::span<uint8_t> piece = std::span(bytes).first(static_cast<size_t>(count));
      from.read_at(kAlignment + first, piece);
      write_at(file.get(), partial, to + first, piece);
      done += count;
    }
  }

  void copy_structure(const ShardLayout& layout) {
    const FileDescriptor from(structure_path());
    std::vector<uint8_t> bytes(static_cast<size_t>(kCopyBytes));
    const auto copy = [&](int64_t begin, int64_t end) {
      for (int64_t at = begin; at < end; at += kCopyBytes) {
        const std::span<uint8_t> piece =
            std::span(bytes).first(static_cast<size_t>(std::min(kCopyBytes, end - at)));
        from.read_at(at, piece);
        write_at(file.get(), partial, at, piece);
      }
    };
    const int64_t data_end = layout.data + data_bytes;
    copy(0, layout.data);
    copy(data_end, layout.file_bytes);
    if (::ftruncate(file.get(), layout.file_bytes) != 0) {
      throw core::posix_error("ftruncate", partial);
    }
  }
};

ShardWriter::ShardWriter(std::string path, const Key& key)
    : state_(std::make_unique<State>(std::move(path), key)) {
  State& state = *state_;
  state.file.reset(::open(state.partial.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!state.file) throw core::posix_error("open for writing", state.partial);
}

ShardWriter::~ShardWriter() {
  if (state_->is_closed) return;
  std::error_code ignored;  // a destructor may not throw, and a partial file harms nobody
  fs::remove(state_->partial, ignored);
  fs::remove(state_->structure_path(), ignored);
}

int64_t ShardWriter::append(int64_t bytes, int64_t label, uint64_t digest,
                            const std::string& name) {
  State& state = *state_;
  BBG_CHECK(state.key.encoding != Encoding::kRaw ||
                bytes == state.key.height * state.key.width * state.key.channels,
            "sample of another size");
  const int64_t place = kAlignment + state.data_bytes;
  state.data_bytes += bytes;
  state.offsets.push_back(state.data_bytes);
  state.labels.push_back(label);
  state.digests.push_back(digest);
  state.names += name;
  state.name_offsets.push_back(std::ssize(state.names));
  return place;
}

void ShardWriter::write(int64_t place, std::span<const uint8_t> bytes) const {
  write_at(state_->file.get(), state_->partial, place, bytes);
}

void ShardWriter::leave_out(const std::string& name, const std::string& reason) {
  state_->left_out.push_back({{"name", name}, {"reason", reason}});
}

int64_t ShardWriter::samples() const { return std::ssize(state_->labels); }

Manifest::Shard ShardWriter::close() {
  State& state = *state_;
  const auto files = core::make_posix_file_system();
  const std::string digest = state.write_structure();
  const ShardLayout layout = locate_shard(state.structure_path());
  state.move_samples(layout.data);
  state.copy_structure(layout);
  files->remove_all(state.structure_path());
  if (::fsync(state.file.get()) != 0) throw core::posix_error("fsync", state.partial);
  if (state.file.close() != 0) throw core::posix_error("close", state.partial);
  core::publish(*files, state.path);
  state.is_closed = true;
  return {.file = fs::path(state.path).filename().string(),
          .samples = samples(),
          .bytes = layout.file_bytes,
          .digest = digest};
}

}  // namespace bbg::data
