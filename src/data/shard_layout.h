#pragma once
// Where the parts of a shard of format 2 lie in its file, so that they are read with pread.

#include <cstdint>
#include <string>

#include "data/encoding.h"

namespace bbg::data {

struct ShardLayout {
  Encoding encoding = Encoding::kRaw;
  int64_t height = 0, width = 0, channels = 0;
  int64_t samples = 0;
  int64_t file_bytes = 0;
  // First bytes in the file; of a shard without samples all are 0. `data`: images or bytes.
  int64_t data = 0, data_bytes = 0, offsets = 0, labels = 0, digests = 0;
  int64_t names = 0, names_bytes = 0, name_offsets = 0;
  int64_t left_out = 0, left_out_bytes = 0;
  std::string plan, digest;

  int64_t sample_bytes() const { return height * width * channels; }  // raw
};

// Reads the file's structure with HDF5. UsageError where the file is truncated, damaged, of another
// version or no shard; SystemError where the system refuses, which says nothing about the file.
// Thread-safe.
ShardLayout locate_shard(const std::string& path);

}  // namespace bbg::data
