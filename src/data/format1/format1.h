#pragma once
// Shard format version 1, which earlier versions of data_prep wrote and this one reads. Every shard
// states the data set that it belongs to. The page about it: docs/shard_format.md.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/hash.h"

namespace bbg::data::format1 {

inline constexpr const char* kMagic = "bbg_dist image shard";
inline constexpr int64_t kFormatVersion = 1;
inline constexpr const char* kEncodingRaw = "raw";  // uint8 pixels; the only one of version 1

inline constexpr const char* kImagesDataset = "images";                 // uint8 [n, H, W, C]
inline constexpr const char* kLabelsDataset = "labels";                 // int64 [n], -1: none
inline constexpr const char* kChecksumsDataset = "block_checksums";     // uint64 [blocks]
inline constexpr const char* kClassNamesDataset = "class_names";        // uint8 [bytes], JSON
inline constexpr const char* kMagicAttribute = "magic";                 // text
inline constexpr const char* kVersionAttribute = "format_version";      // int64, as all numbers
inline constexpr const char* kEncodingAttribute = "encoding";           // text
inline constexpr const char* kNumSamplesAttribute = "num_samples";      // in the whole data set
inline constexpr const char* kFirstIndexAttribute = "first_index";      // number of its sample 0
inline constexpr const char* kShardIndexAttribute = "shard_index";      // 0-based
inline constexpr const char* kShardCountAttribute = "shard_count";      //
inline constexpr const char* kNumClassesAttribute = "num_classes";      // 0: no labels
inline constexpr const char* kBlockSamplesAttribute = "block_samples";  // samples in a checksum
inline constexpr const char* kFingerprintAttribute = "fingerprint";     // text, 16 hex digits
inline constexpr const char* kSourceAttribute = "source";               // text, for people
inline constexpr const char* kHeaderChecksumAttribute = "header_checksum";  // text, 16 hex digits

// Pixels start at a multiple of this, so that pages and direct I/O fit.
inline constexpr int64_t kAlignment = 4096;
// A block is as many samples as fit into this, at least one: small enough that checking a whole
// block to read one sample costs little, large enough that checksums stay a fraction of the data.
inline constexpr int64_t kBlockBytes = 64 * 1024;

inline int64_t block_samples_for(int64_t sample_bytes) {
  return std::max<int64_t>(1, kBlockBytes / sample_bytes);
}

// The facts that a shard states about itself and its data set.
struct ShardHeader {
  std::string encoding = kEncodingRaw;
  int64_t height = 0, width = 0, channels = 0;
  int64_t num_samples = 0;  // in the whole data set
  int64_t shard_samples = 0;
  int64_t first_index = 0;
  int64_t shard_index = 0, shard_count = 0;
  int64_t num_classes = 0;
  int64_t block_samples = 0;
  std::string class_names;  // JSON: an array of text
  std::string fingerprint;
  std::string source;

  int64_t sample_bytes() const { return height * width * channels; }
  int64_t num_blocks() const { return (shard_samples + block_samples - 1) / block_samples; }
};

// XXH3 over every field of the header, all labels and all block checksums; itself an attribute. It
// is checked on opening, so labels can be trusted without touching pixels.
uint64_t header_checksum(const ShardHeader& header, std::span<const int64_t> labels,
                         std::span<const uint64_t> block_checksums);

// XXH3 over the pixels of a block.
uint64_t block_checksum(std::span<const uint8_t> pixels);

// Identity of a data set: XXH3 over height, width, channels, then for each sample in order its
// pixels and its label; integers are 64 bits, little-endian. The number of shards has no part.
class Fingerprint {
 public:
  Fingerprint(int64_t height, int64_t width, int64_t channels);
  void add(std::span<const uint8_t> pixels, int64_t label);
  std::string text() const { return core::hex(hasher_.digest()); }

 private:
  core::Hasher hasher_;
};

}  // namespace bbg::data::format1
