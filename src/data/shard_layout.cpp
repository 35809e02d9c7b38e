#include "data/shard_layout.h"

#include "core/error.h"
#include "data/damaged_file.h"
#include "data/file_descriptor.h"
#include "data/hdf5_file.h"
#include "data/shard_format.h"

namespace bbg::data {

namespace {

using Type = Hdf5File::Type;

// Magic and version are read first: nothing else has a meaning before them.
void check_version(const Hdf5File& file, const std::string& path) {
  if (!file.has_attribute(kMagicAttribute) || file.read_text(kMagicAttribute) != kMagic) {
    throw core::UsageError(path + " is an HDF5 file but not a shard of bbg_dist",
                           "make shards with data_prep shard");
  }
  const int64_t version = file.read_number(kVersionAttribute);
  if (version == kFormatVersion) return;
  throw core::UsageError(path + " has shard format version " + std::to_string(version) +
                             ", this program reads version " + std::to_string(kFormatVersion) +
                             " beside a manifest",
                         "make the shards anew with this program's data_prep shard");
}

class Finder {
 public:
  Finder(const Hdf5File& file, const std::string& path, int64_t file_bytes)
      : file_(file), path_(path), file_bytes_(file_bytes) {}

  // The first byte of a data set that is plain, of this many rows, and lies in the file as a whole.
  int64_t place(const char* name, Type type, int64_t rows, int64_t row_bytes) const {
    if (!file_.is_plain(name, type)) {
      throw_damaged(path_, std::string(name) + " is not of the format's type and layout");
    }
    if (this->rows(name) != rows) throw_damaged(path_, "its data sets do not fit each other");
    if (rows == 0) return 0;
    const int64_t first = file_.offset(name);
    if (rows > file_bytes_ / row_bytes || first > file_bytes_ - rows * row_bytes) {
      throw core::UsageError(path_ + " is truncated: " + std::to_string(file_bytes_) + " bytes, " +
                                 name + " ends at " + std::to_string(first + rows * row_bytes),
                             kRepairHint);
    }
    return first;
  }

  int64_t rows(const char* name) const {
    const std::vector<int64_t> shape = file_.shape(name);
    if (shape.empty()) throw_damaged(path_, std::string(name) + " is a single number");
    return shape[0];
  }

 private:
  const Hdf5File& file_;
  const std::string& path_;
  int64_t file_bytes_;
};

void find_samples(const Hdf5File& file, const Finder& finder, const std::string& path,
                  ShardLayout& layout) {
  if (layout.encoding == Encoding::kJpeg) {
    layout.data_bytes = finder.rows(kBytesDataset);
    layout.data = finder.place(kBytesDataset, Type::kUint8, layout.data_bytes, 1);
    layout.offsets = finder.place(kOffsetsDataset, Type::kInt64, layout.samples + 1, 8);
    return;
  }
  const std::vector<int64_t> shape = file.shape(kImagesDataset);
  if (shape.size() != 4 || shape[3] != layout.channels) {
    throw_damaged(path, "its images are not [n, H, W, C]");
  }
  for (const int64_t side : {shape[1], shape[2]}) {
    if (side < 1 || side > 1 << 16) throw_damaged(path, "its images have an impossible size");
  }
  layout.height = shape[1];
  layout.width = shape[2];
  layout.data = finder.place(kImagesDataset, Type::kUint8, layout.samples, layout.sample_bytes());
  layout.data_bytes = layout.samples * layout.sample_bytes();
}

ShardLayout describe(const Hdf5File& file, const std::string& path, int64_t file_bytes) {
  check_version(file, path);
  ShardLayout layout;
  layout.file_bytes = file_bytes;
  const auto encoding = core::value_of(kEncodings, file.read_text(kEncodingAttribute));
  if (!encoding) {
    throw core::UsageError(path + " has an encoding that this program does not know",
                           "make the shards anew with this program's data_prep shard");
  }
  layout.encoding = *encoding;
  layout.channels = file.read_number(kChannelsAttribute);
  layout.samples = file.read_number(kSamplesAttribute);
  layout.plan = file.read_text(kPlanAttribute);
  layout.digest = file.read_text(kDigestAttribute);
  if (layout.samples < 0 || layout.samples > file_bytes ||
      (layout.channels != 1 && layout.channels != 3)) {
    throw_damaged(path, "its header is impossible");
  }
  const Finder finder(file, path, file_bytes);
  layout.left_out_bytes = finder.rows(kLeftOutDataset);
  layout.left_out = finder.place(kLeftOutDataset, Type::kUint8, layout.left_out_bytes, 1);
  if (layout.samples == 0) return layout;
  find_samples(file, finder, path, layout);
  layout.labels = finder.place(kLabelsDataset, Type::kInt64, layout.samples, 8);
  layout.digests = finder.place(kDigestsDataset, Type::kUint64, layout.samples, 8);
  layout.names_bytes = finder.rows(kNamesDataset);
  layout.names = finder.place(kNamesDataset, Type::kUint8, layout.names_bytes, 1);
  layout.name_offsets = finder.place(kNameOffsetsDataset, Type::kInt64, layout.samples + 1, 8);
  return layout;
}

}  // namespace

ShardLayout locate_shard(const std::string& path) {
  const FileDescriptor raw(path);
  try {
    return describe(Hdf5File(path, Hdf5File::Mode::kRead), path, raw.size());
  } catch (const core::SystemError& error) {
    throw_unreadable(path, error);
  }
}

}  // namespace bbg::data
