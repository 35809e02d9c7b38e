#pragma once
// One checkpoint: a folder step-NNNNNNNN/{state.safetensors, manifest.json} (docs/formats.md), as
// it is written and verified.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/file_system.h"
#include "core/types.h"

namespace bbg::checkpoint {

inline constexpr const char* kManifestFile = "manifest.json";

// Says what is wrong with a state that was read back; empty: nothing.
using Check = std::function<std::string(const core::StateDict&)>;

// Fills the folder `path`, which is there, durably; the manifest comes last. Returns its text.
// SystemError if the disk fails.
std::string write_checkpoint(core::FileSystem& files, const std::string& path,
                             const core::StateDict& state, int64_t step);

// Verifies size, checksum and `check` (may be empty) of the checkpoint in `path`; fills `problem`
// instead if it is not whole. UsageError if it is of another format version. SystemError if the
// disk fails: then nothing is known.
std::optional<core::StateDict> read_checkpoint(core::FileSystem& files, const std::string& path,
                                               int64_t step, const Check& check,
                                               std::string* problem);

}  // namespace bbg::checkpoint
