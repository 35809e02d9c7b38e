#pragma once
// The safetensors file format (docs/formats.md), readable by the Python package of that name.
// dtypes float32, float64, bfloat16, float16, int64, int32, uint8, bool. StateDict::text becomes
// __metadata__. Written tensors may live on any device and have any strides; read ones are
// contiguous, on the CPU, and own their memory.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/file_system.h"
#include "core/types.h"

namespace bbg::checkpoint {

// Size and XXH3-64 of a file that was written.
struct WrittenFile {
  int64_t bytes = 0;
  uint64_t checksum = 0;
};

// Order of tensors = order in the file. The content is synced when it returns; the name is not
// (core::FileSystem::sync_folder).
WrittenFile write_safetensors(core::FileSystem& files, const std::string& path,
                              const core::StateDict& state);

// Strict: anything that a writer must not produce is a UsageError that names the file: truncated or
// longer than the header says, holes, overlaps, duplicate names, unknown dtypes, wrong sizes.
core::StateDict read_safetensors(core::FileSystem& files, const std::string& path);

// The same for a file that is in memory already; `name` is for messages.
core::StateDict parse_safetensors(std::string_view content, const std::string& name);

}  // namespace bbg::checkpoint
