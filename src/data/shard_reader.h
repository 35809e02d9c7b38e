#pragma once
// The samples of a data set of format 2, as its manifest lists them. A shard is opened when it is
// first touched, and a bounded number are open at a time. Nothing of the size of the data set is
// kept: offsets, digests and the labels of large sets are read where they lie; labels of up to two
// million samples are kept, 16 MiB. Thread-safe.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/open_files.h"
#include "data/sample_source.h"
#include "data/shard_layout.h"

namespace bbg::data {

class ShardReader final : public SampleSource {
 public:
  // `folder` holds the manifest and its shards.
  ShardReader(std::string folder, Manifest manifest);

  const Manifest& manifest() const { return manifest_; }

  int64_t size() const override { return manifest_.samples; }
  Encoding encoding() const override { return manifest_.encoding; }
  int64_t height() const override { return manifest_.height; }
  int64_t width() const override { return manifest_.width; }
  int64_t channels() const override { return manifest_.channels; }
  image::DecodeOptions decode_options() const override;
  void read_pixels(int64_t index, std::span<uint8_t> out, Check check) const override;
  std::span<const uint8_t> read(int64_t index, std::vector<uint8_t>& buffer,
                                Check check) const override;
  int64_t label(int64_t index) const override;
  std::string file(int64_t index) const override;
  std::string name(int64_t index) const override;
  bool has_waited() const override { return open_->has_waited(); }
  void will_read(int64_t index) const override;

  // Facts of one shard, counted as in the manifest.
  std::string path(size_t shard) const;
  const ShardLayout& layout(size_t shard) const;
  std::vector<uint64_t> digests(size_t shard) const;
  std::vector<int64_t> labels(size_t shard) const;
  std::vector<std::string> names(size_t shard) const;
  std::string left_out(size_t shard) const;  // JSON
  // Its digest, computed from what it holds beside samples.
  std::string computed_digest(size_t shard) const;

 private:
  struct Place {
    size_t shard;
    int64_t sample;  // in it
  };
  struct Piece {
    int64_t first, bytes;
  };
  struct Known {
    ShardLayout layout;
    std::vector<int64_t> labels;  // empty where they are not kept
  };
  const Known& known(size_t shard) const;
  Place place_of(int64_t index) const;
  Piece piece_of(const Place& place) const;  // the sample's bytes in the shard's file
  void read_piece(const Place& place, const Piece& piece, std::span<uint8_t> out) const;
  void check_digest(const Place& place, const Piece& piece, std::span<const uint8_t> bytes) const;
  int64_t read_number(size_t shard, int64_t first) const;
  std::string read_text(size_t shard, int64_t first, int64_t bytes) const;
  std::vector<int64_t> name_offsets(size_t shard) const;

  std::string folder_;
  Manifest manifest_;
  std::vector<int64_t> ends_;  // the number of samples up to the end of each shard
  std::unique_ptr<OpenFiles> open_;
  mutable std::mutex mutex_;                           // guards what follows
  mutable std::vector<std::unique_ptr<Known>> known_;  // null: not touched yet
};

}  // namespace bbg::data
