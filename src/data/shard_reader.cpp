#include "data/shard_reader.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/open_files.h"
#include "data/damaged_file.h"
#include "data/shard_format.h"

namespace bbg::data {

namespace {

// To read one where it lies takes a tenth of the time that a small image takes.
constexpr int64_t kMostLabelsKept = 2 << 20;

std::string where(int64_t sample, int64_t first, int64_t bytes) {
  return "sample " + std::to_string(sample) + " of the shard (bytes " + std::to_string(first) +
         " to " + std::to_string(first + bytes) + ")";
}

template <class T>
std::span<uint8_t> bytes_of(std::vector<T>& values) {
  return {reinterpret_cast<uint8_t*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

// Besides this data set there may be another, of test images; the rest is for all else.
ShardReader::ShardReader(std::string folder, Manifest manifest)
    : folder_(std::move(folder)),
      manifest_(std::move(manifest)),
      open_(std::make_unique<OpenFiles>(core::open_file_limit() / 4)),
      known_(manifest_.shards.size()) {
  int64_t end = 0;
  for (size_t i = 0; i < manifest_.shards.size(); ++i) {
    ends_.push_back(end += manifest_.shards[i].samples);
    open_->add(path(i));
  }
}

// Choices that the manifest does not name have their defaults.
image::DecodeOptions ShardReader::decode_options() const {
  image::DecodeOptions options{.channels = manifest_.channels};
  const auto take = [&](const char* key, const auto& words, auto& value) {
    const auto found = manifest_.made.find(key);
    if (found != manifest_.made.end()) {
      value = core::value_of(words, found->second).value_or(value);
    }
  };
  take("alpha", image::kAlphas, options.alpha);
  take("exif", image::kExifs, options.exif);
  take("cmyk", image::kCmyks, options.cmyk);
  return options;
}

std::string ShardReader::path(size_t shard) const {
  return (std::filesystem::path(folder_) / manifest_.shards[shard].file).string();
}

const ShardLayout& ShardReader::layout(size_t shard) const { return known(shard).layout; }

const ShardReader::Known& ShardReader::known(size_t shard) const {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Known>& entry = known_[shard];
  if (entry) return *entry;
  ShardLayout found = open_->with_room([&] { return locate_shard(path(shard)); });
  const Manifest::Shard& stated = manifest_.shards[shard];
  if (found.samples != stated.samples || found.digest != stated.digest ||
      found.encoding != manifest_.encoding || found.channels != manifest_.channels ||
      (found.samples > 0 && (found.height != manifest_.height || found.width != manifest_.width))) {
    throw core::UsageError(path(shard) + " is not the shard that " + kManifestName + " names",
                           kRepairHint);
  }
  Known fresh{.layout = std::move(found), .labels = {}};
  if (fresh.layout.samples > 0 && size() <= kMostLabelsKept) {
    fresh.labels.resize(static_cast<size_t>(fresh.layout.samples));
    open_->read_at(shard, fresh.layout.labels, bytes_of(fresh.labels));
  }
  entry = std::make_unique<Known>(std::move(fresh));
  return *entry;
}

ShardReader::Place ShardReader::place_of(int64_t index) const {
  BBG_CHECK(index >= 0 && index < size(), "no sample " + std::to_string(index));
  const auto shard = std::upper_bound(ends_.begin(), ends_.end(), index);
  return {static_cast<size_t>(shard - ends_.begin()),
          shard == ends_.begin() ? index : index - *std::prev(shard)};
}

ShardReader::Piece ShardReader::piece_of(const Place& place) const {
  const ShardLayout& at = layout(place.shard);
  if (at.encoding == Encoding::kRaw) {
    return {at.data + place.sample * at.sample_bytes(), at.sample_bytes()};
  }
  std::vector<int64_t> bounds(2);
  open_->read_at(place.shard, at.offsets + place.sample * 8, bytes_of(bounds));
  if (bounds[0] < 0 || bounds[1] < bounds[0] || bounds[1] > at.data_bytes) {
    throw_damaged(path(place.shard), where(place.sample, bounds[0], bounds[1] - bounds[0]) +
                                         " lies outside of its data");
  }
  return {at.data + bounds[0], bounds[1] - bounds[0]};
}

int64_t ShardReader::read_number(size_t shard, int64_t first) const {
  int64_t number = 0;
  open_->read_at(shard, first, {reinterpret_cast<uint8_t*>(&number), sizeof number});
  return number;
}

void ShardReader::check_digest(const Place& place, const Piece& piece,
                               std::span<const uint8_t> bytes) const {
  const ShardLayout& at = layout(place.shard);
  const auto stated =
      static_cast<uint64_t>(read_number(place.shard, at.digests + place.sample * 8));
  const int64_t label = read_number(place.shard, at.labels + place.sample * 8);
  if (sample_digest(bytes, label) == stated) return;
  throw_damaged(path(place.shard),
                "the digest of " + where(place.sample, piece.first, piece.bytes) + " is wrong");
}

void ShardReader::read_piece(const Place& place, const Piece& piece, std::span<uint8_t> out) const {
  try {
    open_->read_at(place.shard, piece.first, out);
  } catch (const core::SystemError& error) {
    core::SystemError::Details details = error.details();
    details.object += ", " + where(place.sample, piece.first, piece.bytes);
    throw core::SystemError(details);
  }
}

void ShardReader::read_pixels(int64_t index, std::span<uint8_t> out, Check check) const {
  const Place place = place_of(index);
  const Piece piece = piece_of(place);
  BBG_CHECK(encoding() == Encoding::kRaw && std::ssize(out) == piece.bytes,
            "buffer of another size than a sample");
  read_piece(place, piece, out);
  if (check == Check::kVerify) check_digest(place, piece, out);
}

std::span<const uint8_t> ShardReader::read(int64_t index, std::vector<uint8_t>& buffer,
                                           Check check) const {
  const Place place = place_of(index);
  const Piece piece = piece_of(place);
  if (std::ssize(buffer) < piece.bytes) buffer.resize(static_cast<size_t>(piece.bytes));
  const std::span<uint8_t> bytes = std::span(buffer).first(static_cast<size_t>(piece.bytes));
  read_piece(place, piece, bytes);
  if (check == Check::kVerify) check_digest(place, piece, bytes);
  return bytes;
}

void ShardReader::will_read(int64_t index) const {
  const Place place = place_of(index);
  try {
    const Piece piece = piece_of(place);
    open_->will_read(place.shard, piece.first, piece.bytes);
  } catch (const core::UsageError&) {
    // The read that follows throws it where it can be handled; so with the next.
  } catch (const core::SystemError&) {
  }
}

// Whoever reads a label trusts it, and other programs write shards too.
int64_t ShardReader::label(int64_t index) const {
  const Place place = place_of(index);
  const Known& shard = known(place.shard);
  const int64_t label = shard.labels.empty()
                            ? read_number(place.shard, shard.layout.labels + place.sample * 8)
                            : shard.labels[static_cast<size_t>(place.sample)];
  if (label >= -1 && label < std::ssize(manifest_.classes)) return label;
  throw_damaged(path(place.shard), "its sample " + std::to_string(place.sample) +
                                       " has the label " + std::to_string(label) +
                                       " and the data set " +
                                       std::to_string(manifest_.classes.size()) + " classes");
}

std::string ShardReader::file(int64_t index) const { return path(place_of(index).shard); }

std::string ShardReader::name(int64_t index) const {
  const Place place = place_of(index);
  const ShardLayout& at = layout(place.shard);
  std::vector<int64_t> bounds(2);
  open_->read_at(place.shard, at.name_offsets + place.sample * 8, bytes_of(bounds));
  if (bounds[0] < 0 || bounds[1] < bounds[0] || bounds[1] > at.names_bytes) {
    throw_damaged(path(place.shard), "a name lies outside of its names");
  }
  return read_text(place.shard, at.names + bounds[0], bounds[1] - bounds[0]);
}

std::vector<uint64_t> ShardReader::digests(size_t shard) const {
  const ShardLayout& at = layout(shard);
  std::vector<uint64_t> values(static_cast<size_t>(at.samples));
  open_->read_at(shard, at.digests, bytes_of(values));
  return values;
}

std::vector<int64_t> ShardReader::labels(size_t shard) const {
  const ShardLayout& at = layout(shard);
  std::vector<int64_t> values(static_cast<size_t>(at.samples));
  open_->read_at(shard, at.labels, bytes_of(values));
  return values;
}

std::vector<int64_t> ShardReader::name_offsets(size_t shard) const {
  const ShardLayout& at = layout(shard);
  if (at.samples == 0) return {};
  std::vector<int64_t> offsets(static_cast<size_t>(at.samples) + 1);
  open_->read_at(shard, at.name_offsets, bytes_of(offsets));
  return offsets;
}

std::vector<std::string> ShardReader::names(size_t shard) const {
  const ShardLayout& at = layout(shard);
  const std::vector<int64_t> offsets = name_offsets(shard);
  const std::string all = read_text(shard, at.names, at.names_bytes);
  std::vector<std::string> names;
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    if (offsets[i] < 0 || offsets[i + 1] < offsets[i] || offsets[i + 1] > at.names_bytes) {
      throw_damaged(path(shard), "a name lies outside of its names");
    }
    names.push_back(all.substr(static_cast<size_t>(offsets[i]),
                               static_cast<size_t>(offsets[i + 1] - offsets[i])));
  }
  return names;
}

std::string ShardReader::read_text(size_t shard, int64_t first, int64_t bytes) const {
  std::string text(static_cast<size_t>(bytes), '\0');
  if (bytes > 0) {
    open_->read_at(shard, first, {reinterpret_cast<uint8_t*>(text.data()), text.size()});
  }
  return text;
}

std::string ShardReader::left_out(size_t shard) const {
  const ShardLayout& at = layout(shard);
  return read_text(shard, at.left_out, at.left_out_bytes);
}

std::string ShardReader::computed_digest(size_t shard) const {
  const ShardLayout& at = layout(shard);
  return shard_digest(digests(shard), read_text(shard, at.names, at.names_bytes),
                      name_offsets(shard), left_out(shard));
}

}  // namespace bbg::data
