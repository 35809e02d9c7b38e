#pragma once
// The samples of a data set of format 1. Opening reads the headers of all shards with HDF5 and
// refuses what is truncated, damaged, of another version, incomplete or mixed, with a UsageError
// that names the file; what the system refuses is a SystemError. Labels are kept in memory, eight
// bytes a sample. Thread-safe after opening.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/format1/format1.h"
#include "data/open_files.h"
#include "data/sample_source.h"

namespace bbg::data::format1 {

class Reader final : public SampleSource {
 public:
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

  explicit Reader(const std::vector<std::string>& paths);  // all shards of the set

  // The facts that all of its shards state alike.
  const ShardHeader& header() const { return shards_.front().header; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  std::vector<std::string> files() const;  // in order of samples
  int64_t file_bytes() const;              // all files together

  int64_t size() const override { return header().num_samples; }
  Encoding encoding() const override { return Encoding::kRaw; }
  int64_t height() const override { return header().height; }
  int64_t width() const override { return header().width; }
  int64_t channels() const override { return header().channels; }
  // Compares the whole block that holds the sample, once.
  void read_pixels(int64_t index, std::span<uint8_t> out, Check check) const override;
  std::span<const uint8_t> read(int64_t index, std::vector<uint8_t>& buffer,
                                Check check) const override;
  int64_t label(int64_t index) const override;
  std::string file(int64_t index) const override;
  std::string name(int64_t) const override { return ""; }

  // Reads everything; gives what is wrong, a line each. `progress` hears samples done and in all.
  std::vector<std::string> verify(const std::function<void(int64_t, int64_t)>& progress) const;

 private:
  const Shard& shard_of(int64_t index) const;
  std::vector<uint8_t> read_block(const Shard& shard, int64_t block) const;

  std::vector<Shard> shards_;
  std::unique_ptr<OpenFiles> open_;
  std::vector<std::string> class_names_;
};

}  // namespace bbg::data::format1
