#pragma once
// Shard format version 2: the one statement of names and numbers, shared by writer and readers. The
// page about it, with the reasons: docs/shard_format.md. A change that old readers cannot read
// raises kFormatVersion, in the same commit as the page. Version 1: data/format1/format1.h.
//
// A shard knows only itself. Its data sets are contiguous and unfiltered, so that a reader needs
// HDF5 once, to learn where they lie, and reads them with pread. Which shards make a data set says
// its manifest (data/manifest.h).

#include <cstdint>
#include <span>
#include <string>

#include "core/hash.h"
#include "data/encoding.h"

namespace bbg::data {

inline constexpr const char* kMagic = "bbg_dist image shard";
inline constexpr int64_t kFormatVersion = 2;

inline constexpr const char* kImagesDataset = "images";    // raw: uint8 [n, H, W, C]
inline constexpr const char* kBytesDataset = "bytes";      // jpeg: uint8 [bytes], file after file
inline constexpr const char* kOffsetsDataset = "offsets";  // jpeg: int64 [n + 1], into bytes
inline constexpr const char* kLabelsDataset = "labels";    // int64 [n], -1: none
inline constexpr const char* kDigestsDataset = "digests";  // uint64 [n]
inline constexpr const char* kNamesDataset = "names";      // uint8 [bytes], name after name
inline constexpr const char* kNameOffsetsDataset = "name_offsets";  // int64 [n + 1], into names
inline constexpr const char* kLeftOutDataset = "left_out";          // uint8 [bytes], JSON
inline constexpr const char* kMagicAttribute = "magic";             // text
inline constexpr const char* kVersionAttribute = "format_version";  // int64, as all numbers
inline constexpr const char* kEncodingAttribute = "encoding";       // text, see kEncodings
inline constexpr const char* kChannelsAttribute = "channels";       // 1 or 3
inline constexpr const char* kSamplesAttribute = "samples";         // n
inline constexpr const char* kPlanAttribute = "plan";  // text: what it was made by, see ShardKey
inline constexpr const char* kDigestAttribute = "digest";  // text, 16 hex digits: shard_digest()

// Samples start at a multiple of this, so that pages and direct I/O fit.
inline constexpr int64_t kAlignment = 4096;

// XXH3-64 of a sample's bytes, seeded with its label (64 bits, two's complement).
uint64_t sample_digest(std::span<const uint8_t> bytes, int64_t label);

// Identity of a data set: XXH3 over encoding, height, width and channels (0 where images differ in
// size), then the digests of its samples in order. How many shards hold them has no part, nor have
// names.
class Fingerprint {
 public:
  Fingerprint(Encoding encoding, int64_t height, int64_t width, int64_t channels);
  void add(std::span<const uint64_t> digests);
  std::string text() const { return core::hex(hasher_.digest()); }

 private:
  core::Hasher hasher_;
};

// Digest of one shard: XXH3 over its samples' digests, names and what it left out.
std::string shard_digest(std::span<const uint64_t> digests, const std::string& names,
                         std::span<const int64_t> name_offsets, const std::string& left_out);

// "data-1f2e3d4c-00000-of-00004.h5": `plan` is the part in the middle, which tells the shards of
// one conversion from those of another in the same folder.
std::string shard_file_name(const std::string& plan, int64_t index, int64_t count);

}  // namespace bbg::data
